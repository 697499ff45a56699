// Package trail records API calls as CloudTrail does: one record per change
// of the object store, kept in a table within the unit of the change itself
// and handed on to a Sink, such as the event bus.
package trail
