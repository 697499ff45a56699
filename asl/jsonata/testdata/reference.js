// Answers expressions with the JSONata reference, whose bundle is the first argument: one line of
// JSON in, {"expr", "input"}, one line out: {"value"}, or {"is"} with "undefined", "function", an
// error's code, or "beside" when what the reference does has no counterpart: an error that it did
// not mean to throw, a value that is no JSON. It is always 2026-03-04T05:06:07.089Z here.
const RealDate = Date;
const now = RealDate.UTC(2026, 2, 4, 5, 6, 7, 89);
globalThis.Date = class extends RealDate {
  constructor(...args) { super(...(args.length ? args : [now])); }
};

const jsonata = require(require('path').resolve(process.argv[2]));
const lines = require('readline').createInterface({ input: process.stdin });

const isFunction = v => v && (v._jsonata_lambda || v._jsonata_function || typeof v === 'function');

// plain is the value as JSON has it; it throws where there is none.
function plain(v) {
  if (v === undefined) throw 'no JSON';
  if (v === null) return null;
  if (isFunction(v)) return '';
  if (typeof v === 'number' && !Number.isFinite(v) || typeof v === 'string' && (!v.isWellFormed() || /NaN|undefined/.test(v))) throw 'no JSON';
  if (Array.isArray(v)) return Array.from(v, plain);
  if (typeof v !== 'object') return v;
  return Object.fromEntries(Object.keys(v).filter(k => v[k] !== undefined).map(k => [k, plain(v[k])]));
}

async function answer(line) {
  const { expr, input } = JSON.parse(line);
  let compiled = false;
  try {
    const e = jsonata(expr, { timeout: 2000, stack: 1000, sequence: 200000 });
    compiled = true;
    const v = await e.evaluate(input);
    if (v === undefined) return { is: 'undefined' };
    if (isFunction(v)) return { is: 'function' };
    return { value: plain(v) };
  } catch (err) {
    // Syntax errors at run time come of how it makes partial applications.
    const code = err && err.code;
    return { is: /^[STDU]\d{4}$/.test(code) && !(compiled && code[0] === 'S') ? code : 'beside' };
  }
}

(async () => {
  for await (const line of lines) process.stdout.write(JSON.stringify(await answer(line)) + '\n');
})();
