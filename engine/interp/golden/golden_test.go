package golden

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFormatWritesWhatParseRead(t *testing.T) {
	files, err := filepath.Glob("../../../testdata/executions/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden executions: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		a, err := Parse(data)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		again, err := Parse(a.Format())
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if got, want := string(again.Format()), string(a.Format()); got != want {
			t.Errorf("%s: formatted twice it is\n%s\nonce it was\n%s", file, got, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"section", "-- nothing --\n", "line 1: unknown section"},
		{"verb", "-- script --\n\ndance\n", `script line 2: unknown verb "dance"`},
		{"outcome", "-- script --\ntask A maybe\n", "succeeds or fails belongs here"},
		{"output", "-- script --\ntask A succeeds {\n", "output: at byte"},
		{"cause", "-- script --\ntask A fails E why\n", "cause:"},
		{"duration", "-- script --\nadvance soon\n", "invalid duration"},
		{"event", "-- script --\nheartbeat A@x\n", "event:"},
	} {
		if _, err := Parse([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

func TestStateNamesWithSpaces(t *testing.T) {
	a, err := Parse([]byte("-- script --\nlate task \"Charge the card\"@7 fails Card.Declined \"no funds\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	l := a.Script[0]
	if l.State != "Charge the card" || l.Event != 7 || l.Verdict == 0 || *l.Outcome.Error != "Card.Declined" || *l.Outcome.Cause != "no funds" {
		t.Errorf("got %+v", l)
	}
}
