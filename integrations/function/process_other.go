//go:build !unix

package function

import "os/exec"

// separate has nothing to do where there are no process groups.
func separate(*exec.Cmd) {}

// kill ends the process.
func kill(cmd *exec.Cmd) {
	if cmd.Process != nil {
		// It may be gone already, which is as well.
		_ = cmd.Process.Kill()
	}
}
