package jsonata

// builtins are the functions of the language by name. Nothing changes them.
var builtins = makeBuiltins()

// definition is a built-in function: its signature, with how many arguments a
// function such as $map should call it, and its code.
type definition struct {
	name, sig string
	arity     int
	native    native
}

func makeBuiltins() map[string]*function {
	out := make(map[string]*function)
	for _, d := range definitions() {
		sig, err := parseSignature(d.sig)
		if err != nil {
			continue
		}
		out[d.name] = &function{name: d.name, sig: sig, arity: d.arity, native: d.native}
	}
	out["eval"].special = specialEval
	return out
}

func definitions() []definition {
	return []definition{
		{"sum", "<a<n>:n>", 1, ofNumbers(true, sum)},
		{"count", "<a:n>", 1, fnCount},
		{"max", "<a<n>:n>", 1, ofNumbers(false, largest)},
		{"min", "<a<n>:n>", 1, ofNumbers(false, smallest)},
		{"average", "<a<n>:n>", 1, ofNumbers(false, average)},

		{"string", "<x-b?:s>", 1, fnString},
		{"substring", "<s-nn?:s>", 3, fnSubstring},
		{"substringBefore", "<s-s:s>", 2, fnSubstringBefore},
		{"substringAfter", "<s-s:s>", 2, fnSubstringAfter},
		{"lowercase", "<s-:s>", 1, ofString(lower)},
		{"uppercase", "<s-:s>", 1, ofString(upper)},
		{"length", "<s-:n>", 1, fnLength},
		{"trim", "<s-:s>", 1, ofString(trim)},
		{"pad", "<s-ns?:s>", 3, fnPad},
		{"match", "<s-f<s:o>n?:a<o>>", 3, fnMatch},
		{"contains", "<s-(sf):b>", 2, fnContains},
		{"replace", "<s-(sf)(sf)n?:s>", 4, fnReplace},
		{"split", "<s-(sf)n?:a<s>>", 3, fnSplit},
		{"join", "<a<s>s?:s>", 2, fnJoin},
		{"base64encode", "<s-:s>", 1, ofString(base64Encode)},
		{"base64decode", "<s-:s>", 1, ofString(base64Decode)},
		{"encodeUrlComponent", "<s-:s>", 1, encodeURL("encodeUrlComponent", componentSafe)},
		{"encodeUrl", "<s-:s>", 1, encodeURL("encodeUrl", componentSafe+urlSafe)},
		{"decodeUrlComponent", "<s-:s>", 1, decodeURL("decodeUrlComponent", "")},
		{"decodeUrl", "<s-:s>", 1, decodeURL("decodeUrl", urlSafe)},

		{"formatNumber", "<n-so?:s>", 3, fnFormatNumber},
		{"formatBase", "<n-n?:s>", 2, fnFormatBase},
		{"formatInteger", "<n-s:s>", 2, fnFormatInteger},
		{"parseInteger", "<s-s:n>", 2, fnParseInteger},
		{"number", "<(nsb)-:n>", 1, fnNumber},
		{"floor", "<n-:n>", 1, ofNumber(floor)},
		{"ceil", "<n-:n>", 1, ofNumber(ceil)},
		{"round", "<n-n?:n>", 2, fnRound},
		{"abs", "<n-:n>", 1, ofNumber(abs)},
		{"sqrt", "<n-:n>", 1, fnSqrt},
		{"power", "<n-n:n>", 2, fnPower},
		{"random", "<:n>", 0, fnRandom},

		{"boolean", "<x-:b>", 1, fnBoolean},
		{"not", "<x-:b>", 1, fnNot},
		{"exists", "<x:b>", 1, fnExists},
		{"type", "<x:s>", 1, fnType},
		{"error", "<s?:x>", 1, fnError},
		{"assert", "<bs?:x>", 2, fnAssert},

		{"map", "<af>", 2, fnMap},
		{"filter", "<af>", 2, fnFilter},
		{"single", "<af?>", 2, fnSingle},
		{"reduce", "<afj?:j>", 3, fnReduce},
		{"sift", "<o-f?:o>", 2, fnSift},
		{"each", "<o-f:a>", 2, fnEach},
		{"sort", "<af?:a>", 2, fnSort},

		{"zip", "<a+>", 0, fnZip},
		{"append", "<xx:a>", 2, fnAppend},
		{"reverse", "<a:a>", 1, fnReverse},
		{"shuffle", "<a:a>", 1, fnShuffle},
		{"distinct", "<x:x>", 1, fnDistinct},
		{"keys", "<x-:a<s>>", 1, fnKeys},
		{"lookup", "<x-s:x>", 2, fnLookup},
		{"spread", "<x-:a<o>>", 1, fnSpread},
		{"merge", "<a<o>:o>", 1, fnMerge},
		{"clone", "<(oa)-:o>", 1, fnClone},

		{"toMillis", "<s-s?:n>", 2, fnToMillis},
		{"fromMillis", "<n-s?s?:s>", 3, fnFromMillis},
		{"now", "<s?s?:s>", 2, fnNow},
		{"millis", "<:n>", 0, fnMillis},
		{"eval", "<sx?:x>", 2, nil},
	}
}

// IsBuiltin reports whether the language has a function of that name (without the $).
func IsBuiltin(name string) bool {
	_, ok := builtins[name]
	return ok
}
