package tasks

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
)

// Failure words an error of the service as task states get it. Optimised
// integrations speak as the AWS SDK for Java 1 does:
//
//	DynamoDB.AmazonDynamoDBException
//	... (Service: AmazonDynamoDBv2; Status Code: 400; Error Code: ValidationException; Request ID: ...; Proxy: null)
//
// and aws-sdk integrations as version 2:
//
//	DynamoDb.ResourceNotFoundException
//	... (Service: DynamoDb, Status Code: 400, Request ID: ...)
//
// An error that the API does not declare has the client's general exception.
func (s *Service) Failure(e *Error, sdk bool, requestID string) *Failure {
	status := e.Status
	if status == 0 {
		status = 400
	}
	class := strings.TrimSuffix(e.Code, "Exception") + "Exception"
	declared := s.Exceptions == nil || slices.Contains(s.Exceptions, e.Code)
	if sdk {
		if !declared {
			class = s.SDKName + "Exception"
		}
		cause := e.Message + " (Service: " + s.SDKName + ", Status Code: " + strconv.Itoa(status) + ", Request ID: " + requestID
		if s.ExtendedID {
			sum := sha256.Sum256([]byte(requestID))
			cause += ", Extended Request ID: " + base64.StdEncoding.EncodeToString(append(sum[:], sum[:24]...))
		}
		return &Failure{s.SDKName + "." + class, cause + ")"}
	}
	if !declared {
		class = strings.TrimSuffix(s.JavaName, "v2") + "Exception"
	}
	code := e.Code
	if c, ok := s.ErrorCodes[code]; ok {
		code = c
	}
	return &Failure{s.Title + "." + class, e.Message + " (Service: " + s.JavaName + "; Status Code: " + strconv.Itoa(status) +
		"; Error Code: " + code + "; Request ID: " + requestID + "; Proxy: null)"}
}
