package jsonata

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// A moment is read part by part. Parts that can take more or less of the text
// (numbers without a width, names, words) are tried from long to short, so that
// the whole text fits as it would a regular expression.

// timeReader reads a text by a picture.
type timeReader struct {
	parts  []timePart
	text   string
	fields []string // what each part took
	ev     *evaluator
}

// read matches the parts from the i-th on with the text from at on.
func (r *timeReader) read(i, at int) (bool, error) {
	if err := r.ev.charge(1 + len(r.text) - at); err != nil {
		return false, err
	}
	if i == len(r.parts) {
		return at == len(r.text), nil
	}
	p := &r.parts[i]
	rest := r.text[at:]
	if p.component == 0 {
		if len(rest) < len(p.literal) || !strings.EqualFold(rest[:len(p.literal)], p.literal) {
			return false, nil
		}
		return r.read(i+1, at+len(p.literal))
	}
	ends := p.ends(rest)
	for j := len(ends) - 1; j >= 0; j-- {
		r.fields[i] = rest[:ends[j]]
		if ok, err := r.read(i+1, at+ends[j]); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// run returns every length from 1 to that of the run of characters at the start of s that are in the class.
func run(s string, in func(c byte) bool) []int {
	var ends []int
	for n := 0; n < len(s) && in(s[n]); n++ {
		ends = append(ends, n+1)
	}
	return ends
}

func isDigitByte(c byte) bool { return c >= '0' && c <= '9' }

func isLetterByte(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// ends lists where the part can end in s, from short to long.
func (p *timePart) ends(s string) []int {
	switch {
	case p.component == 'Z' || p.component == 'z':
		return p.zoneEnds(s)
	case p.component == 'f':
		return run(s, isDigitByte)
	case p.integer == nil:
		return run(s, isLetterByte)
	}
	n := p.integer
	switch n.primary {
	case letterPicture:
		return run(s, isLetterByte)
	case romanPicture:
		return run(s, func(c byte) bool { return strings.IndexByte("mdclxviMDCLXVI", c) >= 0 })
	case wordPicture:
		return wordEnds(s)
	}
	ends := run(s, isDigitByte)
	if n.parseWidth > 0 {
		if len(ends) < n.parseWidth {
			return nil
		}
		ends = ends[n.parseWidth-1 : n.parseWidth]
	}
	if !n.ordinal {
		return ends
	}
	var out []int
	for _, e := range ends {
		if len(s) >= e+2 {
			switch strings.ToLower(s[e : e+2]) {
			case "th", "st", "nd", "rd":
				out = append(out, e+2)
			}
		}
	}
	return out
}

// wordEnds lists the ends of a number in words.
func wordEnds(s string) []int {
	var out []int
	for _, e := range run(s, func(c byte) bool { return isLetterByte(c) || c == ' ' || c == ',' || c == '-' }) {
		if e < len(s) && isLetterByte(s[e]) {
			continue
		}
		if _, ok := fromWords(strings.ToLower(s[:e])); ok {
			out = append(out, e)
		}
	}
	return out
}

// zoneSeparator is what stands between the hours and minutes of an offset, or "".
func (p *timePart) zoneSeparator() string {
	if p.integer != nil && p.integer.regular > 0 {
		return p.integer.separators[0].char
	}
	return ""
}

func (p *timePart) zoneEnds(s string) []int {
	skip := 0
	if p.component == 'z' {
		if len(s) < 3 || !strings.EqualFold(s[:3], "GMT") {
			return nil
		}
		skip = 3
	}
	if len(s) <= skip || s[skip] != '+' && s[skip] != '-' {
		return nil
	}
	skip++
	ends := run(s[skip:], isDigitByte)
	sep := p.zoneSeparator()
	var out []int
	for _, e := range ends {
		e += skip
		if sep == "" {
			out = append(out, e)
			continue
		}
		if rest, ok := strings.CutPrefix(s[e:], sep); ok {
			for _, n := range run(rest, isDigitByte) {
				out = append(out, e+len(sep)+n)
			}
		}
	}
	return out
}

// value is the number that the text of a part stands for.
func (p *timePart) value(s string) (float64, bool, error) {
	switch {
	case p.component == 'Z' || p.component == 'z':
		return p.zoneValue(s), true, nil
	case p.component == 'f':
		f, err := strconv.ParseFloat("0."+s[:min(len(s), 3)], 64)
		return f * 1000, err == nil, nil
	case p.integer != nil:
		if p.integer.primary == sequencePicture {
			return 0, false, faultValue("D3130", p.integer.token)
		}
		f, ok := p.integer.parse(s)
		return f, ok, nil
	}
	var list []string
	switch p.component {
	case 'M', 'x':
		list = monthNames
	case 'F':
		list = dayNames
	case 'P':
		switch s {
		case "am", "AM":
			return 0, true, nil
		case "pm", "PM":
			return 1, true, nil
		}
		return 0, false, nil
	}
	for i, name := range list {
		if p.maxWidth > 0 {
			name = firstRunes(name, p.maxWidth)
		}
		if i > 0 && name == s {
			return float64(i), true, nil
		}
	}
	return 0, false, nil
}

// zoneValue is an offset in minutes.
func (p *timePart) zoneValue(s string) float64 {
	if p.component == 'z' {
		s = s[3:]
	}
	part := func(s string) float64 {
		f, _ := leadingNumber(s, '0')
		return f
	}
	if sep := p.zoneSeparator(); sep != "" {
		h, m, _ := strings.Cut(s, sep)
		return part(h)*60 + part(m)
	}
	if len(s) <= 3 {
		return part(s) * 60
	}
	return part(s[:3])*60 + part(s[3:])
}

// readable says whether the parts can be read at all.
func readable(parts []timePart) error {
	for i := range parts {
		p := &parts[i]
		if p.component == 0 {
			continue
		}
		if p.integer != nil && p.integer.primary == sequencePicture {
			return faultValue("D3130", p.integer.token)
		}
		if p.integer == nil && strings.IndexByte("MxFP", p.component) < 0 && p.component != 'f' {
			return faultValue("D3133", string(rune(p.component)))
		}
	}
	return nil
}

// parseTime reads a moment by a picture; ok is false if the text does not fit.
// What the picture leaves out left of what it has is taken from now.
func parseTime(ev *evaluator, text, picture string) (millis float64, ok bool, err error) {
	if len(text) > maxPicture {
		return 0, false, nil
	}
	parts, err := parseTimePicture(picture)
	if err != nil {
		return 0, false, err
	}
	if err := readable(parts); err != nil {
		return 0, false, err
	}
	r := &timeReader{parts: parts, text: text, fields: make([]string, len(parts)), ev: ev}
	if ok, err := r.read(0, 0); !ok || err != nil {
		return 0, false, err
	}
	have := make(map[byte]float64)
	seen := false
	for i := range parts {
		if parts[i].component == 0 {
			continue
		}
		seen = true
		v, ok, err := parts[i].value(r.fields[i])
		if err != nil {
			return 0, false, err
		}
		if ok {
			have[parts[i].component] = v
		} else {
			delete(have, parts[i].component)
		}
	}
	if !seen {
		return 0, false, nil
	}
	return assemble(have, ev.b.Now)
}

// Sets of components, as the bits of YXMxWwdD and PHhmsf.
const (
	dateByMonth = 0b10100001 // Y M D
	dateByDay   = 0b10000010 // Y d
	dateByWeekM = 0b01010100 // X x w F
	dateByWeek  = 0b01001000 // X W F
	time24      = 0b010111   // H m s f
	time12      = 0b101111   // P h m s f
)

// assemble makes a moment of the components that were read.
func assemble(have map[byte]float64, now time.Time) (float64, bool, error) {
	mask := func(letters string) int {
		m := 0
		for i := range len(letters) {
			m <<= 1
			if v := have[letters[i]]; v != 0 && v == v {
				m |= 1
			}
		}
		return m
	}
	is := func(kind, mask int) bool { return mask&^kind == 0 && mask&kind != 0 }
	dates, times := mask("YXMxWwdD"), mask("PHhmsf")
	byMonth := is(dateByMonth, dates)
	byDay := !byMonth && is(dateByDay, dates)
	byWeekM := is(dateByWeekM, dates)
	byWeek := !byWeekM && is(dateByWeek, dates)
	half := !is(time24, times) && is(time12, times)
	order := "YMD"
	switch {
	case byDay:
		order = "YD"
	case byWeekM:
		order = "XxwF"
	case byWeek:
		order = "XWF"
	}
	if half {
		order += "Phmsf"
	} else {
		order += "Hmsf"
	}
	started, ended := false, false
	for i := range len(order) {
		c := order[i]
		if _, ok := have[c]; ok {
			started = true
			if ended {
				return 0, false, fault("D3136")
			}
			continue
		}
		if started {
			have[c] = 0
			if strings.IndexByte("MDd", c) >= 0 {
				have[c] = 1
			}
			ended = true
		} else if c != 'P' {
			// The half of the day is not taken from now: without one it is the morning.
			have[c] = float64(fragment(now.UTC(), c))
		}
	}
	if byWeekM || byWeek {
		return 0, false, fault("D3136")
	}
	month, day := math.Max(have['M'], 1), have['D']
	if byDay {
		month, day = 1, have['d']
	}
	hour := have['H']
	if half {
		hour = have['h']
		if hour == 12 {
			hour = 0
		}
		if have['P'] == 1 {
			hour += 12
		}
	}
	ms := utc(have['Y'], month, day, hour, have['m'], have['s'], have['f'])
	zone, ok := have['Z']
	if !ok || zone == 0 {
		zone = have['z']
	}
	ms -= zone * 60000
	if !(math.Abs(ms) <= maxMillis) {
		return 0, false, nil
	}
	return ms, true, nil
}

// utc is JavaScript's Date.UTC: values beyond their range carry over, and years from 0 to 99 mean 1900 to 1999.
func utc(year, month, day, hour, minute, second, millis float64) float64 {
	for _, f := range []float64{year, month, day, hour, minute, second, millis} {
		if !(math.Abs(f) < 1e9) {
			return math.NaN()
		}
	}
	if year >= 0 && year <= 99 {
		year += 1900
	}
	date := time.Date(int(year), time.Month(int(month)), 1, 0, 0, 0, 0, time.UTC)
	days := float64(date.UnixMilli()) + (math.Trunc(day)-1)*86400000
	return days + math.Trunc(hour)*3600000 + math.Trunc(minute)*60000 + math.Trunc(second)*1000 + math.Trunc(millis)
}

// parseISO reads an ISO 8601 timestamp, from a year to a fraction of a second
// with an offset.
func parseISO(s string) (float64, bool) {
	digits := func(i, n int) (float64, bool) {
		if len(s) < i+n {
			return 0, false
		}
		for j := i; j < i+n; j++ {
			if !isDigitByte(s[j]) {
				return 0, false
			}
		}
		f, err := strconv.ParseFloat(s[i:i+n], 64)
		return f, err == nil
	}
	at := func(i int, c byte) bool { return i < len(s) && s[i] == c }
	year, ok := digits(0, 4)
	if !ok {
		return 0, false
	}
	i, month, day := 4, 1.0, 1.0
	var hour, minute, second, millis, zone float64
	if at(i, '-') && len(s) > i+2 && s[i+1] <= '1' {
		if month, ok = digits(i+1, 2); !ok {
			return 0, false
		}
		i += 3
		if at(i, '-') && len(s) > i+2 && s[i+1] <= '3' {
			if day, ok = digits(i+1, 2); !ok {
				return 0, false
			}
			i += 3
		}
	}
	if at(i, 'T') {
		var ok1, ok2, ok3 bool
		hour, ok1 = digits(i+1, 2)
		minute, ok2 = digits(i+4, 2)
		second, ok3 = digits(i+7, 2)
		if !ok1 || !ok2 || !ok3 || !at(i+3, ':') || !at(i+6, ':') || hour > 24 || minute > 59 || second > 59 {
			return 0, false
		}
		i += 9
		if at(i, '.') {
			n := digitsFrom(s, i+1)
			if n == i+1 {
				return 0, false
			}
			f, err := strconv.ParseFloat("0"+s[i:min(n, i+4)], 64)
			if err != nil {
				return 0, false
			}
			millis = math.Round(f * 1000)
			i = n
		}
	}
	switch {
	case at(i, 'Z'):
		i++
	case at(i, '+') || at(i, '-'):
		h, ok1 := digits(i+1, 2)
		j := i + 3
		if at(j, ':') {
			j++
		}
		m, ok2 := digits(j, 2)
		if !ok1 || !ok2 || m > 59 || h > 23 {
			return 0, false
		}
		zone = h*60 + m
		if s[i] == '-' {
			zone = -zone
		}
		i = j + 2
	}
	if i != len(s) || month < 1 || month > 12 || day < 1 || day > 31 || hour == 24 && minute+second+millis > 0 {
		return 0, false
	}
	return utcFull(year, month, day, hour, minute, second, millis) - zone*60000, true
}

// utcFull is utc without its rule for years below 100.
func utcFull(year, month, day, hour, minute, second, millis float64) float64 {
	if year <= 99 {
		// Four hundred years have the same number of days wherever they start.
		return utc(year+400, month, day, hour, minute, second, millis) - 146097*86400000
	}
	return utc(year, month, day, hour, minute, second, millis)
}
