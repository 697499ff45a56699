package engine

// maxPage is the most entries of a page.
const maxPage = 1000

// max returns the number of entries of the page.
func (p Page) max() (int, error) {
	switch {
	case p.Max == 0:
		return 100, nil
	case p.Max < 0 || p.Max > maxPage:
		return 0, fail(ErrInvalidPage, "maxResults: %d is not from 0 to %d", p.Max, maxPage)
	}
	return p.Max, nil
}
