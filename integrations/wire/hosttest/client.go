package hosttest

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
)

// Boto serves handler on a loopback port and runs a Python script against it,
// with boto3 and the function client(service) at hand. The test is skipped where
// there is no python3 with boto3, and fails if the script does.
func Boto(t *testing.T, handler http.Handler, script string) {
	t.Helper()
	if exec.Command("python3", "-c", "import boto3").Run() != nil {
		t.Skip("python3 with boto3 is not installed")
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	const prelude = `
import json, os, time
import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
def client(service):
    return boto3.client(service, endpoint_url=os.environ["ENDPOINT"], region_name="us-east-1", aws_access_key_id="test",
        aws_secret_access_key="test", config=Config(retries={"total_max_attempts": 1}))
def refused(code, f, **params):
    try:
        f(**params)
    except ClientError as e:
        assert e.response["Error"]["Code"] == code, e.response
        return e.response
    raise AssertionError("not refused: want " + code)
`
	cmd := exec.Command("python3", "-c", prelude+script)
	cmd.Env = append(os.Environ(), "ENDPOINT="+server.URL)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("script: %v\n%s", err, out)
	}
}
