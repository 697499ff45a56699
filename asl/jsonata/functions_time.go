package jsonata

// timePicture returns the picture that is the i-th argument, or the one of ISO 8601.
func timePicture(ev *evaluator, args []any, i int) (string, error) {
	if _, ok := str(args, i); !ok {
		return isoPicture, nil
	}
	return picture(ev, args, i)
}

// fnFromMillis is $fromMillis.
func fnFromMillis(ev *evaluator, args []any) (any, error) {
	ms, ok := num(args, 0)
	if !ok {
		return Undefined, nil
	}
	text, err := timePicture(ev, args, 1)
	if err != nil {
		return nil, err
	}
	zone, _ := str(args, 2)
	s, err := formatTime(ms, text, zone)
	if err != nil {
		return nil, err
	}
	return ev.made(s)
}

// fnToMillis is $toMillis.
func fnToMillis(ev *evaluator, args []any) (any, error) {
	s, ok := str(args, 0)
	if !ok {
		return Undefined, nil
	}
	if err := ev.charge(len(s)); err != nil {
		return nil, err
	}
	if _, ok := str(args, 1); !ok {
		ms, ok := parseISO(s)
		if !ok {
			return nil, faultValue("D3110", s)
		}
		return ms, nil
	}
	text, err := picture(ev, args, 1)
	if err != nil {
		return nil, err
	}
	ms, ok, err := parseTime(ev, s, text)
	if err != nil || !ok {
		return Undefined, err
	}
	return ms, nil
}

// fnNow is $now.
func fnNow(ev *evaluator, args []any) (any, error) {
	return fnFromMillis(ev, append([]any{float64(ev.b.Now.UnixMilli())}, args...))
}

// fnMillis is $millis.
func fnMillis(ev *evaluator, _ []any) (any, error) {
	return float64(ev.b.Now.UnixMilli()), nil
}
