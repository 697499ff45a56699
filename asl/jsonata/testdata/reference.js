// Makes what answers expressions with the JSONata reference, for an interpreter of JavaScript that
// is no more than that. load gives the exports of the reference's bundle once what it needs of Node
// is here. The answer to an expression and an input, texts both, is a promise of a line of JSON:
// {"value"}, or {"is"} with "undefined", "function", an error's code, or "beside" when what the
// reference does has no counterpart: an error that it did not mean to throw, a value that is no
// JSON. It is always 2026-03-04T05:06:07.089Z here.
(function (load) {
  const RealDate = Date;
  const now = RealDate.UTC(2026, 2, 4, 5, 6, 7, 89);
  globalThis.Date = class extends RealDate {
    constructor(...args) { super(...(args.length ? args : [now])); }
  };

  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

  // encode is base64 of the low bytes of a text.
  function encode(text) {
    let out = '';
    for (let i = 0; i < text.length; i += 3) {
      const byte = n => text.charCodeAt(n) & 255;
      const bits = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
      for (let n = 0; n < 4; n++) out += i + n > text.length ? '=' : digits[bits >> 18 - 6 * n & 63];
    }
    return out;
  }

  // decode is encode's inverse; as Node does it passes over what is no digit, ends at an equals
  // sign and takes the digits of URLs too.
  function decode(text) {
    let out = '', bits = 0, held = 0;
    for (const c of text.split('=')[0].replace(/-/g, '+').replace(/_/g, '/')) {
      const digit = digits.indexOf(c);
      if (digit < 0) continue;
      bits = (bits << 6 | digit) & 0xffff;
      held += 6;
      if (held >= 8) out += String.fromCharCode(bits >> (held -= 8) & 255);
    }
    return out;
  }

  globalThis.global = globalThis;
  globalThis.Buffer = {
    from: function (text, encoding) {
      return { toString: encoding === 'base64' ? () => decode(text) : () => encode(text) };
    },
  };

  // Padding by a thousand million fails where the reference is at home; here it must sooner.
  const join = Array.prototype.join;
  Array.prototype.join = function (separator) {
    if (this.length * (separator === undefined ? 1 : String(separator).length) > 1 << 21) throw new RangeError('Invalid string length');
    return join.call(this, separator);
  };

  // goja takes a limit past 64 bits for none at all; the language takes its low 32 bits.
  const split = String.prototype.split;
  String.prototype.split = function (separator, limit) {
    return split.call(this, separator, typeof limit === 'number' ? limit % 2 ** 32 : limit);
  };

  // goja indents lists in lists too far, so that what is indented is made of what is not.
  const stringify = JSON.stringify;
  JSON.stringify = function (value, replacer, space) {
    const text = stringify(value, replacer);
    if (!space || text === undefined) return text;
    let depth = 0;
    const line = n => '\n' + ' '.repeat(space * (depth += n));
    return text.replace(/"(?:[^"\\]|\\.)*"|\{\}|\[\]|[{}[\],:]/g, token => {
      switch (token) {
        case '{': case '[': return token + line(1);
        case '}': case ']': return line(-1) + token;
        case ',': return ',' + line(0);
        case ':': return ': ';
      }
      return token;
    });
  };

  const jsonata = load();
  const isFunction = v => v && (v._jsonata_lambda || v._jsonata_function || typeof v === 'function');

  // isText is whether a text has no half of a pair of surrogates.
  function isText(s) {
    try {
      encodeURIComponent(s);
    } catch (err) {
      return false;
    }
    return true;
  }

  // plain is the value as JSON has it; it throws where there is none.
  function plain(v) {
    if (v === undefined) throw 'no JSON';
    if (v === null) return null;
    if (isFunction(v)) return '';
    if (typeof v === 'number' && !Number.isFinite(v) || typeof v === 'string' && (!isText(v) || /NaN|undefined/.test(v))) throw 'no JSON';
    if (Array.isArray(v)) return Array.from(v, plain);
    if (typeof v !== 'object') return v;
    return Object.fromEntries(Object.keys(v).filter(k => v[k] !== undefined).map(k => [k, plain(v[k])]));
  }

  async function answer(expr, input) {
    let compiled = false;
    try {
      const e = jsonata(expr, { timeout: 2000, stack: 1000, sequence: 200000 });
      compiled = true;
      const v = await e.evaluate(JSON.parse(input));
      if (v === undefined) return { is: 'undefined' };
      if (isFunction(v)) return { is: 'function' };
      return { value: plain(v) };
    } catch (err) {
      // Syntax errors at run time come of how it makes partial applications.
      const code = err && err.code;
      return { is: /^[STDU]\d{4}$/.test(code) && !(compiled && code[0] === 'S') ? code : 'beside' };
    }
  }

  return async (expr, input) => JSON.stringify(await answer(expr, input));
})
