package jsonata

import (
	"math"
	"strings"
	"time"
	"unicode"
)

// Pictures of moments, as in XPath's fn:format-dateTime, with X and x for the
// year and month that ISO weeks belong to.

// timePart is a literal, or a component with what its marker says.
type timePart struct {
	literal   string
	component byte // 0 for a literal
	second    byte // second presentation modifier: a, t, c or o
	names     bool
	letters   letterCase // of a name
	integer   *integerPicture
	minWidth  int // 0: none
	maxWidth  int
	yearSize  int // digits of the year to keep; 0: all
}

// defaultPresentation is how a component is shown without a presentation modifier.
func defaultPresentation(component byte) string {
	switch component {
	case 'Y', 'M', 'D', 'd', 'W', 'w', 'X', 'x', 'H', 'h', 'f':
		return "1"
	case 'F', 'P', 'C', 'E':
		return "n"
	case 'm', 's':
		return "01"
	case 'Z', 'z':
		return "01:01"
	}
	return ""
}

// parseTimePicture analyses a picture.
func parseTimePicture(text string) ([]timePart, error) {
	var parts []timePart
	literal := func(s string) {
		if s != "" {
			parts = append(parts, timePart{literal: strings.ReplaceAll(s, "]]", "]")})
		}
	}
	start := 0
	for i := 0; i < len(text); {
		if text[i] != '[' {
			i++
			continue
		}
		literal(text[start:i])
		if strings.HasPrefix(text[i:], "[[") {
			parts = append(parts, timePart{literal: "["})
			i += 2
			start = i
			continue
		}
		end := strings.IndexByte(text[i:], ']')
		if end < 0 {
			return nil, fault("D3135")
		}
		part, err := parseMarker(text[i+1 : i+end])
		if err != nil {
			return nil, err
		}
		if n := len(parts); part.integer != nil && n > 0 && parts[n-1].integer != nil && part.component != 'Z' && part.component != 'z' {
			// A number right before another one must have an exact width to be read.
			prev := parts[n-1].integer
			prev.parseWidth = prev.mandatory
		}
		parts = append(parts, part)
		i += end + 1
		start = i
	}
	literal(text[start:])
	return parts, nil
}

// parseMarker analyses what is between the brackets of a component.
func parseMarker(marker string) (timePart, error) {
	marker = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, marker)
	var p timePart
	if marker == "" {
		return p, faultValue("D3132", "")
	}
	p.component = marker[0]
	presentation := marker[1:]
	if i := strings.LastIndexByte(marker, ','); i >= 0 {
		low, high, _ := strings.Cut(marker[i+1:], "-")
		p.minWidth, p.maxWidth = width(low), width(high)
		presentation = marker[1:max(i, 1)]
	}
	if n := len(presentation); n > 1 && strings.IndexByte("atco", presentation[n-1]) >= 0 {
		p.second = presentation[n-1]
		presentation = presentation[:n-1]
	}
	if presentation == "" {
		presentation = defaultPresentation(p.component)
	}
	if presentation == "" {
		r := []rune(marker)
		return p, faultValue("D3132", string(r[0]))
	}
	return p, p.present(presentation)
}

func width(s string) int {
	f, ok := leadingNumber(s, '0')
	if !ok || f < 0 {
		return 0
	}
	return int(math.Min(f, maxPicture))
}

// present applies the first presentation modifier.
func (p *timePart) present(presentation string) error {
	var err error
	switch {
	case presentation[0] == 'n':
		p.names = true
	case presentation[0] == 'N':
		p.names, p.letters = true, upperCase
		if strings.HasPrefix(presentation, "Nn") {
			p.letters = titleCase
		}
	case strings.IndexByte("YMDdFWwXxHhmsf", p.component) >= 0:
		if p.second != 0 {
			presentation += ";" + string(p.second)
		}
		if p.integer, err = parseIntegerPicture(presentation); err != nil {
			return err
		}
		n := p.integer
		if n.primary == decimalPicture {
			n.mandatory = max(n.mandatory, p.minWidth)
		}
		if p.component == 'Y' {
			if p.maxWidth > 0 {
				p.yearSize = p.maxWidth
				n.mandatory = p.maxWidth
			} else if w := n.mandatory + n.optional; w >= 2 {
				p.yearSize = w
			}
		}
	}
	if p.component == 'Z' || p.component == 'z' {
		p.integer, err = parseIntegerPicture(presentation)
	}
	return err
}

var (
	dayNames   = []string{"", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}
	monthNames = []string{"", "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
)

// firstWeek is the Monday of the first week of a year or month: the one with its first Thursday.
func firstWeek(year int, month time.Month) time.Time {
	first := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
	day := weekday(first)
	if day > 4 {
		return first.AddDate(0, 0, 8-day)
	}
	return first.AddDate(0, 0, 1-day)
}

// weekday counts Monday as 1 and Sunday as 7.
func weekday(t time.Time) int {
	if d := int(t.Weekday()); d > 0 {
		return d
	}
	return 7
}

// weekOf finds the week of t and where it belongs, given the first weeks of the
// period t is in, of the one before and of the next.
func weekOf(t, before, this, next time.Time) (week, shift int) {
	weeks := func(from time.Time) int { return int(t.Sub(from).Hours()/(24*7)) + 1 }
	switch {
	case t.Before(this):
		return weeks(before), -1
	case !t.Before(next):
		return 1, 1
	}
	return weeks(this), 0
}

// fragment gives the number of a component of t.
func fragment(t time.Time, component byte) int {
	year, month, day := t.Date()
	date := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	switch component {
	case 'Y':
		return year
	case 'M':
		return int(month)
	case 'D':
		return day
	case 'd':
		return t.YearDay()
	case 'F':
		return weekday(t)
	case 'W', 'X':
		week, shift := weekOf(date, firstWeek(year-1, 1), firstWeek(year, 1), firstWeek(year+1, 1))
		if component == 'W' {
			return week
		}
		return year + shift
	case 'w', 'x':
		week, shift := weekOf(date, firstWeek(year, month-1), firstWeek(year, month), firstWeek(year, month+1))
		if component == 'w' {
			return week
		}
		return (int(month)-1+shift+12)%12 + 1
	case 'H':
		return t.Hour()
	case 'h':
		return (t.Hour()+11)%12 + 1
	case 'P':
		return t.Hour() / 12
	case 'm':
		return t.Minute()
	case 's':
		return t.Second()
	case 'f':
		return t.Nanosecond() / 1e6
	}
	return 0
}

// maxMillis is the largest moment of JavaScript's Date.
const maxMillis = 8.64e15

// isoPicture is how moments are written without a picture.
const isoPicture = "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]"

// formatTime writes a moment, shifted to a timezone such as "+0530".
func formatTime(millis float64, picture, timezone string) (string, error) {
	parts, err := parseTimePicture(picture)
	if err != nil {
		return "", err
	}
	offset, _ := leadingNumber(timezone, '0')
	if math.Abs(offset) > 9999 {
		offset = 0
	}
	hours, minutes := int(offset/100), int(math.Mod(offset, 100))
	moment := math.Trunc(millis + float64(hours*60+minutes)*60000)
	if !(math.Abs(moment) <= maxMillis) {
		return "", faultValue("D3110", millis)
	}
	t := time.UnixMilli(int64(moment)).UTC()
	var b strings.Builder
	for i := range parts {
		p := &parts[i]
		if p.component == 0 {
			b.WriteString(p.literal)
			continue
		}
		s, err := p.format(t, hours, minutes)
		if err != nil {
			return "", err
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

func (p *timePart) format(t time.Time, hours, minutes int) (string, error) {
	switch p.component {
	case 'Z', 'z':
		return p.zone(hours, minutes)
	case 'P':
		s := []string{"am", "pm"}[fragment(t, 'P')]
		if p.names && p.letters == upperCase {
			s = strings.ToUpper(s)
		}
		return s, nil
	case 'C', 'E':
		return "ISO", nil
	case 'Y', 'M', 'D', 'd', 'F', 'W', 'w', 'X', 'x', 'H', 'h', 'm', 's', 'f':
	default:
		return "", faultValue("D3132", string(rune(p.component)))
	}
	n := fragment(t, p.component)
	if p.names {
		return p.name(n)
	}
	if p.integer == nil {
		return "", faultValue("D3132", string(rune(p.component)))
	}
	if p.component == 'Y' && p.yearSize > 0 && p.yearSize < 10 {
		n %= int(math.Pow10(p.yearSize))
	}
	return p.integer.format(float64(n))
}

func (p *timePart) name(n int) (string, error) {
	var s string
	switch p.component {
	case 'M', 'x':
		s = monthNames[n]
	case 'F':
		s = dayNames[n]
	default:
		return "", faultValue("D3133", string(rune(p.component)))
	}
	switch p.letters {
	case upperCase:
		s = strings.ToUpper(s)
	case lowerCase:
		s = strings.ToLower(s)
	}
	if p.maxWidth > 0 && len(s) > p.maxWidth {
		s = s[:p.maxWidth]
	}
	return s, nil
}

// zone writes an offset from UTC.
func (p *timePart) zone(hours, minutes int) (string, error) {
	offset := hours*100 + minutes
	if p.integer == nil {
		return "", faultValue("D3132", string(rune(p.component)))
	}
	var s string
	var err error
	switch n := p.integer.mandatory; {
	case p.integer.regular > 0 || n == 3 || n == 4:
		s, err = p.integer.format(float64(offset))
	case n == 1 || n == 2:
		if s, err = p.integer.format(float64(hours)); err == nil && minutes != 0 {
			s += ":" + twoDigits(minutes)
		}
	default:
		return "", faultValue("D3134", float64(n))
	}
	if offset == 0 && p.second == 't' {
		return "Z", err
	}
	if offset >= 0 {
		s = "+" + s
	}
	if p.component == 'z' {
		s = "GMT" + s
	}
	return s, err
}

func twoDigits(n int) string {
	if n < 0 {
		return "-" + twoDigits(-n)
	}
	return string([]byte{byte('0' + n/10%10), byte('0' + n%10)})
}
