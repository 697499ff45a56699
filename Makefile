.PHONY: build test check

build:            ## bin/millrace
	go build -o bin/millrace ./cmd/millrace

test:             ## every test, as the README runs them
	go test ./...

check:            ## what CI runs
	bash .ci/run

.PHONY: soak-crash
soak-crash:       ## kill a process at 2,000 random instants and check every promise; about an hour
	MILLRACE_CRASH_KILLS=2000 go test -count=1 -timeout 3h -run 'TestCrash' -v ./engine
