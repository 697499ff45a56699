// Runs a Node.js handler as a client of the Lambda Runtime API. Exits when the
// Runtime API is gone. A handler that cannot be loaded is an initialisation error.
'use strict';
const http = require('http');
const path = require('path');
const fs = require('fs');
const Module = require('module');
const { pathToFileURL } = require('url');

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function call(method, target, body, headers) {
  return new Promise((resolve, reject) => {
    const data = body === undefined ? undefined : Buffer.from(body);
    const all = Object.assign({}, headers, data ? { 'Content-Length': data.length } : {});
    const request = http.request({ host, port, agent, method, path: '/2018-06-01/runtime/' + target, headers: all }, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts).toString() }));
      answer.on('error', reject);
    });
    request.on('error', reject);
    request.end(data);
  });
}

// The SDK's second version ignores AWS_ENDPOINT_URL: it is told when it is first loaded.
const load = Module._load;
let told = false;
Module._load = function (request, parent, isMain) {
  const loaded = load.apply(this, arguments);
  if (!told && process.env.AWS_ENDPOINT_URL && request === 'aws-sdk' && loaded && loaded.config && loaded.config.update) {
    told = true;
    loaded.config.update({ endpoint: process.env.AWS_ENDPOINT_URL, s3ForcePathStyle: true });
  }
  return loaded;
};

async function find() {
  const handler = process.env._HANDLER;
  const dot = handler.indexOf('.', handler.lastIndexOf('/') + 1);
  if (dot < 0) {
    throw Object.assign(new Error(`Bad handler ${handler}: a file and a function belong here, such as index.handler`), { kind: 'Runtime.MalformedHandlerName' });
  }
  const base = path.resolve(process.env.LAMBDA_TASK_ROOT, handler.slice(0, dot));
  const file = ['', '.js', '.mjs', '.cjs'].map((ending) => base + ending).find((name) => fs.existsSync(name) && fs.statSync(name).isFile());
  if (!file) {
    throw Object.assign(new Error(`Cannot find module '${handler.slice(0, dot)}'`), { kind: 'Runtime.ImportModuleError' });
  }
  let module;
  try {
    module = require(file);
  } catch (error) {
    if (error.code !== 'ERR_REQUIRE_ESM' && !(error instanceof SyntaxError)) throw error;
    module = await import(pathToFileURL(file).href);
  }
  let found = module;
  for (const name of handler.slice(dot + 1).split('.')) found = found && (found[name] || (found.default && found.default[name]));
  if (typeof found !== 'function') {
    throw Object.assign(new Error(`${handler} is undefined or not exported`), { kind: 'Runtime.HandlerNotFound' });
  }
  return found;
}

function fault(error) {
  if (error instanceof Error || (error && error.stack && error.message !== undefined)) {
    return { errorType: error.kind || error.name || 'Error', errorMessage: String(error.message), trace: String(error.stack).split('\n') };
  }
  return { errorType: typeof error, errorMessage: String(error), trace: [] };
}

function contextOf(headers, done) {
  const env = process.env;
  const deadline = Number(headers['lambda-runtime-deadline-ms'] || 0);
  return {
    callbackWaitsForEmptyEventLoop: true,
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: headers['lambda-runtime-client-context'] ? JSON.parse(headers['lambda-runtime-client-context']) : undefined,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
    done,
    succeed: (value) => done(null, value),
    fail: (error) => done(error === undefined || error === null ? 'handled' : error),
  };
}

function invoke(handler, event, headers) {
  return new Promise((resolve, reject) => {
    const done = (error, value) => (error === null || error === undefined ? resolve(value) : reject(error));
    const result = handler(event, contextOf(headers, done), done);
    // A handler that returns no promise answers by its callback, or null once nothing is left to do.
    if (result && typeof result.then === 'function') result.then(resolve, reject);
    else process.once('beforeExit', () => resolve(null));
  });
}

async function main() {
  let handler;
  try {
    handler = await find();
  } catch (error) {
    console.error(error);
    const what = fault(error);
    if (!error.kind && error.code === 'MODULE_NOT_FOUND') what.errorType = 'Runtime.ImportModuleError';
    await call('POST', 'init/error', JSON.stringify(what), { 'Lambda-Runtime-Function-Error-Type': what.errorType });
    process.exit(1);
  }
  for (;;) {
    const next = await call('GET', 'invocation/next');
    if (next.status !== 200) process.exit(1);
    const id = next.headers['lambda-runtime-aws-request-id'];
    process.env._X_AMZN_TRACE_ID = next.headers['lambda-runtime-trace-id'] || '';
    let body;
    try {
      const value = await invoke(handler, JSON.parse(next.body || 'null'), next.headers);
      body = JSON.stringify(value === undefined ? null : value);
    } catch (error) {
      console.error(error);
      const what = fault(error);
      await call('POST', `invocation/${id}/error`, JSON.stringify(what), { 'Lambda-Runtime-Function-Error-Type': what.errorType });
      continue;
    }
    await call('POST', `invocation/${id}/response`, body, { 'Content-Type': 'application/json' });
  }
}

main().catch((error) => {
  if (error && (error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET')) process.exit(0);
  console.error(error);
  process.exit(1);
});
