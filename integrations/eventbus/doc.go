// Package eventbus is the event bus of Millrace, with the API of EventBridge:
// events enter by PutEvents or from other services, rules match them with
// event patterns, and each rule hands them to its targets within the same unit
// of the store.
package eventbus
