package jsonata

// A path that binds variables with @ or #, or whose steps are somebody's %,
// carries tuples from step to step: an item together with the variables bound so far.

// tuple is an item and its variables. The variables are never changed in place.
type tuple struct {
	at   any
	vars []binding
}

// tuples is a stream of tuples. Seen as a value it is the array of the items.
type tuples struct{ rows []tuple }

func (t *tuples) list() list {
	items := make([]any, len(t.rows))
	for i := range t.rows {
		items[i] = t.rows[i].at
	}
	return list{items: items, n: len(items)}
}

// frame holds the tuple's variables inside f.
func (t *tuple) frame(f *frame) *frame {
	return &frame{parent: f, vars: t.vars, shared: true}
}

// with returns the variables and one more.
func with(vars []binding, name string, v any) []binding {
	out := make([]binding, len(vars), len(vars)+2)
	copy(out, vars)
	for i := range out {
		if out[i].name == name {
			out[i].value = v
			return out
		}
	}
	return append(out, binding{name, v})
}

// tuples evaluates the step for every row; without rows yet, for every item of w.
func (st *step) tuples(ev *evaluator, w flow, rows *tuples, f *frame) (*tuples, error) {
	var err error
	if st.sort != nil {
		rows, err = st.sortTuples(ev, w, rows, f)
	} else {
		rows, err = st.expand(ev, w, rows, f)
	}
	if err != nil {
		return nil, err
	}
	for i := range st.stages {
		if fl := st.stages[i].filter; fl != nil {
			v, err := fl.rows(ev, rows, f)
			if err != nil {
				return nil, err
			}
			rows = v.(*tuples)
			continue
		}
		numbered := make([]tuple, len(rows.rows))
		for j, r := range rows.rows {
			if err := ev.alloc(itemSize * (5 + 2*len(r.vars))); err != nil {
				return nil, err
			}
			numbered[j] = tuple{r.at, with(r.vars, st.stages[i].index, float64(j))}
		}
		rows = &tuples{rows: numbered}
	}
	return rows, nil
}

func (st *step) sortTuples(ev *evaluator, w flow, rows *tuples, f *frame) (*tuples, error) {
	if rows != nil {
		sorted, err := st.sort.tuples(ev, rows.rows, f)
		return &tuples{rows: sorted}, err
	}
	sorted, err := st.sort.items(ev, w.items(), f)
	if err != nil {
		return nil, err
	}
	out := &tuples{rows: make([]tuple, len(sorted))}
	for i, item := range sorted {
		out.rows[i].at = item
		if st.index != "" {
			out.rows[i].vars = []binding{{st.index, float64(i)}}
		}
	}
	return out, nil
}

func (st *step) expand(ev *evaluator, w flow, rows *tuples, f *frame) (*tuples, error) {
	if rows == nil {
		l := w.items()
		rows = &tuples{rows: make([]tuple, l.n)}
		for i := range l.n {
			rows.rows[i].at = l.at(i)
		}
	}
	out := &tuples{}
	for i := range rows.rows {
		r := &rows.rows[i]
		v, err := ev.eval(st.code, r.at, r.frame(f))
		if err != nil {
			return nil, err
		}
		if v == Undefined {
			continue
		}
		had := len(out.rows)
		st.appendRows(out, r, v)
		if err := ev.alloc(itemSize * (5 + 2*len(r.vars)) * (len(out.rows) - had)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// appendRows adds a row for every item of v, which the step gave for the row r.
func (st *step) appendRows(out *tuples, r *tuple, v any) {
	if t, ok := v.(*tuples); ok {
		for _, inner := range t.rows {
			vars := r.vars
			for _, b := range inner.vars {
				vars = with(vars, b.name, b.value)
			}
			out.rows = append(out.rows, tuple{inner.at, vars})
		}
		return
	}
	l, ok := asList(v)
	if !ok {
		l = list{items: []any{v}, n: 1}
	}
	for i := range l.n {
		row := tuple{at: l.at(i), vars: r.vars}
		if st.focus != "" {
			row.vars = with(row.vars, st.focus, row.at)
			row.at = r.at
		}
		if st.index != "" {
			row.vars = with(row.vars, st.index, float64(i))
		}
		if st.ancestor != nil {
			row.vars = with(row.vars, st.ancestor.label, r.at)
		}
		out.rows = append(out.rows, row)
	}
}
