"""Runs a Python handler as a client of the Lambda Runtime API.

Exits when the Runtime API is gone. A handler that cannot be loaded is an
initialisation error.
"""
import http.client
import importlib
import json
import os
import sys
import time
import traceback

HOST = os.environ["AWS_LAMBDA_RUNTIME_API"]
ROOT = os.environ["LAMBDA_TASK_ROOT"]


def call(method, path, body=None, headers=None):
    conn = http.client.HTTPConnection(HOST)
    conn.request(method, "/2018-06-01/runtime/" + path, body, headers or {})
    answer = conn.getresponse()
    data = answer.read()
    conn.close()
    return answer, data


def fault(kind, error, request_id, skip):
    stack = traceback.extract_tb(error.__traceback__)[skip:]
    message = {"errorMessage": str(error), "errorType": kind}
    if request_id is not None:
        message["requestId"] = request_id
    message["stackTrace"] = traceback.format_list(stack)
    return json.dumps(message).encode()


class Context:
    def __init__(self, headers):
        env = os.environ
        self.aws_request_id = headers.get("Lambda-Runtime-Aws-Request-Id")
        self.invoked_function_arn = headers.get("Lambda-Runtime-Invoked-Function-Arn")
        self.function_name = env["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = env["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = env["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = env["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = env["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.client_context = json.loads(headers.get("Lambda-Runtime-Client-Context") or "null")
        self.identity = None
        self._deadline = int(headers.get("Lambda-Runtime-Deadline-Ms", "0"))

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline - int(time.time() * 1000))


def load():
    name, _, function = os.environ["_HANDLER"].rpartition(".")
    if not name:
        raise ImportError("Bad handler '%s': a module and a function belong here, such as app.handler" % function)
    sys.path.insert(0, ROOT)
    return getattr(importlib.import_module(name.replace("/", ".")), function)


def main():
    try:
        handler = load()
    except BaseException as error:  # SystemExit too: the module must not end the process unseen
        kind = "Runtime.ImportModuleError" if isinstance(error, ImportError) else "Runtime.HandlerNotFound" if isinstance(error, AttributeError) else "Runtime." + type(error).__name__
        traceback.print_exc()
        call("POST", "init/error", fault(kind, error, None, 0), {"Lambda-Runtime-Function-Error-Type": kind})
        sys.exit(1)
    while True:
        answer, event = call("GET", "invocation/next")
        if answer.status != 200:
            sys.exit(1)
        request_id = answer.headers.get("Lambda-Runtime-Aws-Request-Id")
        os.environ["_X_AMZN_TRACE_ID"] = answer.headers.get("Lambda-Runtime-Trace-Id") or ""
        try:
            result = json.dumps(handler(json.loads(event or b"null"), Context(answer.headers))).encode()
        except Exception as error:
            kind = type(error).__name__
            traceback.print_exc()
            call("POST", "invocation/%s/error" % request_id, fault(kind, error, request_id, 1), {"Lambda-Runtime-Function-Error-Type": kind})
            continue
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
        call("POST", "invocation/%s/response" % request_id, result, {"Content-Type": "application/json"})


try:
    main()
except (ConnectionError, http.client.HTTPException):
    sys.exit(0)
