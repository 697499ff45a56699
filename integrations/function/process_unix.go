//go:build unix

package function

import (
	"os/exec"
	"syscall"
)

// separate puts the command's process into a group of its own.
func separate(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// kill ends the process and all that it started.
func kill(cmd *exec.Cmd) {
	if cmd.Process != nil {
		// The group may be gone already, which is as well.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
}
