.PHONY: build test check

build:            ## bin/millrace
	go build -o bin/millrace ./cmd/millrace

test:             ## every test, as the README runs them
	go test ./...

check:            ## what CI runs
	bash .ci/run
