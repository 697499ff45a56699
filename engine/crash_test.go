package engine_test

const crashChild = "MILLRACE_CRASH_CHILD"

func crashChildMain(dir string) {}
