.PHONY: build test check

build:            ## bin/millrace
	go build -o bin/millrace ./cmd/millrace

test:             ## every test, as the README runs them
	go test ./...

check:            ## what CI runs
	bash .ci/run

.PHONY: soak-crash
soak-crash:       ## kill processes at 2,200 random instants and check every promise; about fifteen minutes
	MILLRACE_CRASH_KILLS=1000 go test -count=1 -timeout 3h -run 'TestCrash' -v ./engine
	MILLRACE_CRASH_KILLS=200 go test -count=1 -timeout 3h -run 'TestServeSurvivesKills' -v ./cmd/millrace

.PHONY: soak-simulation
soak-simulation:  ## 20,000 schedules of faults, restarts and clocks, and a power cut and an error at every operation of the disk; about ten minutes
	MILLRACE_SIMULATION_SEED=$$(date +%s) MILLRACE_SIMULATION_RUNS=20000 go test -count=1 -timeout 3h -run 'TestSimulation' ./engine
	MILLRACE_FAULT_EVERY=1 go test -count=1 -timeout 3h -run 'TestPowerCuts|TestErrorsOfTheDisk|TestFullDisk' ./engine/sqlite

.PHONY: soak-map
soak-map:         ## a distributed Map over 1,000,000 items, in less than 300 MB of memory; about two minutes
	MILLRACE_SOAK_ROWS=1000000 go test -count=1 -timeout 1h -run 'TestMapRunSoak' -v ./engine

.PHONY: soak-jsonata
soak-jsonata:     ## compare random JSONata with the reference from npm, run in goja, for ten minutes
	dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && cd "$$dir" && npm pack --silent jsonata@2.2.2 && tar -xzf jsonata-2.2.2.tgz && \
	cd $(CURDIR) && MILLRACE_JSONATA_JS="$$dir/package/jsonata.js" go test -count=1 -run '^$$' -fuzz FuzzReference -fuzztime 10m -fuzzminimizetime 1s -parallel 1 ./asl/jsonata

.PHONY: soak-mixed
soak-mixed:       ## an hour of mixed load on a server: memory, goroutines, files and disk must not grow
	MILLRACE_SOAK=1h go test -count=1 -timeout 2h -run 'TestMixedLoad' -v ./cmd/millrace
