//go:build !linux

package sendqueue

import (
	"errors"
	"fmt"
)

// Unsent would return the bytes that the kernel holds for this connection. It
// works on Linux alone; here the error is errors.ErrUnsupported.
func (q *Queue) Unsent() (int, error) {
	return 0, fmt.Errorf("sendqueue: unsent: %w", errors.ErrUnsupported)
}
