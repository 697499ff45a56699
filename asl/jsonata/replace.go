package jsonata

import (
	"strings"
)

// fnReplace is $replace.
func fnReplace(ev *evaluator, args []any) (any, error) {
	s, ok := str(args, 0)
	if !ok {
		return Undefined, nil
	}
	pattern := argAt(args, 1)
	if pattern == "" {
		e := faultValue("D3010", "")
		e.Index = 2
		return nil, e
	}
	limit, err := limitOf(argAt(args, 3), "D3011", 4)
	if err != nil || limit == 0 {
		return s, err
	}
	if err := ev.charge(len(s) / 16); err != nil {
		return nil, err
	}
	switch p := pattern.(type) {
	case string:
		with, ok := argAt(args, 2).(string)
		if !ok && strings.Contains(s, p) {
			return nil, faultValue("D3012", argAt(args, 2))
		}
		return ev.replaceText(s, p, with, limit)
	case *function:
		return ev.replaceMatches(s, p, argAt(args, 2), limit)
	}
	return Undefined, nil
}

func (ev *evaluator) replaceText(s, old, with string, limit float64) (any, error) {
	n := strings.Count(s, old)
	if limit >= 0 && float64(n) > limit {
		n = int(limit)
		if float64(n) < limit {
			n++
		}
	}
	if n > 0 && (len(with)-len(old)) > ev.memory/n {
		return nil, fault("D2015")
	}
	return ev.made(strings.Replace(s, old, with, n))
}

// replaceMatches replaces what a regular expression or matcher function finds.
func (ev *evaluator) replaceMatches(s string, fn *function, with any, limit float64) (any, error) {
	var b strings.Builder
	position, count := 0, 0
	sc, m, err := ev.scan(fn, s)
	for ; err == nil && m != nil && within(count, limit); count++ {
		b.WriteString(slice(s, position, m.start))
		text := ""
		if text, err = ev.substitute(m, sc, with); err != nil {
			return nil, err
		}
		b.WriteString(text)
		position = m.start + len(m.text)
		if b.Len() > ev.memory {
			return nil, fault("D2015")
		}
		m, err = sc.following(m)
	}
	if err != nil {
		return nil, err
	}
	if position < len(s) {
		b.WriteString(s[position:])
	}
	return ev.made(b.String())
}

// substitute gives what replaces a match.
func (ev *evaluator) substitute(m *matched, sc *scanner, with any) (string, error) {
	switch with := with.(type) {
	case string:
		if strings.IndexByte(with, '$') < 0 {
			return with, nil
		}
		return m.expand(with), nil
	case *function:
		o, err := m.object(ev, sc)
		if err != nil {
			return "", err
		}
		v, err := ev.apply(with, []any{o}, nil, &ev.base, nil)
		if err != nil {
			return "", err
		}
		if s, ok := v.(string); ok {
			return s, nil
		}
		return "", faultValue("D3012", v)
	}
	return "", faultValue("D3012", with)
}

// expand puts what the groups captured in the place of $1, $2 and so on, the whole
// match in the place of $0 and a dollar in the place of $$. A number takes as many
// digits as the number of groups has, or one less if there is no such group.
func (m *matched) expand(with string) string {
	var b strings.Builder
	groups := len(m.groups)
	most := 1
	for n := groups; n >= 10; n /= 10 {
		most++
	}
	for {
		i := strings.IndexByte(with, '$')
		if i < 0 || i == len(with) {
			break
		}
		b.WriteString(with[:i])
		with = with[i+1:]
		if strings.HasPrefix(with, "$") {
			b.WriteByte('$')
			with = with[1:]
			continue
		}
		if strings.HasPrefix(with, "0") {
			b.WriteString(m.text)
			with = with[1:]
			continue
		}
		n, ok := leadingInt(with, most)
		if most > 1 && ok && n > groups {
			n, ok = leadingInt(with, most-1)
		}
		if !ok {
			b.WriteByte('$')
			continue
		}
		if n >= 1 && n <= groups {
			if s, ok := m.groups[n-1].(string); ok {
				b.WriteString(s)
			}
		}
		for d := n; ; d /= 10 {
			with = with[1:]
			if d < 10 {
				break
			}
		}
	}
	b.WriteString(with)
	return b.String()
}

// leadingInt reads at most n digits.
func leadingInt(s string, n int) (int, bool) {
	v, i := 0, 0
	for i < len(s) && i < n && s[i] >= '0' && s[i] <= '9' {
		v = v*10 + int(s[i]-'0')
		i++
	}
	return v, i > 0
}
