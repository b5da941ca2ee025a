// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// markup is text as AIM's HTML.
func markup(text string) string {
	return strings.ReplaceAll(html.EscapeString(strings.ReplaceAll(text, "\r\n", "\n")), "\n", "<BR>")
}

// markupOf is XHTML-IM as AIM's HTML: the formats that AIM knows; "" where
// there are none.
func markupOf(xhtml string) string {
	w := aimWriter{}
	tok := html.NewTokenizer(strings.NewReader(xhtml))
	for {
		switch tok.Next() {
		case html.ErrorToken:
			return w.done()
		case html.TextToken:
			w.b.WriteString(markup(string(tok.Text())))
		case html.StartTagToken, html.SelfClosingTagToken:
			w.start(tok.Token())
		case html.EndTagToken:
			w.end(tok.Token().DataAtom)
		}
	}
}

// aimWriter makes AIM's HTML of XHTML-IM.
type aimWriter struct {
	b    strings.Builder
	open []element
	rich bool
}

var inAIM = map[atom.Atom]string{
	atom.B: "B", atom.Strong: "B", atom.I: "I", atom.Em: "I", atom.U: "U", atom.S: "S", atom.Strike: "S",
}

func (w *aimWriter) start(t html.Token) {
	tag := inAIM[t.DataAtom]
	switch {
	case t.DataAtom == atom.Br || t.DataAtom == atom.P && w.b.Len() > 0:
		w.b.WriteString("<BR>")
		return
	case t.DataAtom == atom.A && address.MatchString(attribute(t, "href")):
		w.push(t, `<A HREF="`+html.EscapeString(attribute(t, "href"))+`">`, "</A>")
		return
	case tag != "":
		w.push(t, "<"+tag+">", "</"+tag+">")
	}
}

func (w *aimWriter) push(t html.Token, open, close string) {
	if t.Type != html.StartTagToken || len(w.open) >= maxDepth {
		return
	}
	w.b.WriteString(open)
	w.open = append(w.open, element{t.DataAtom, close})
	w.rich = true
}

func (w *aimWriter) end(name atom.Atom) {
	for i := len(w.open) - 1; i >= 0; i-- {
		if w.open[i].name == name {
			w.closeTo(i)
			return
		}
	}
}

func (w *aimWriter) closeTo(n int) {
	for i := len(w.open) - 1; i >= n; i-- {
		w.b.WriteString(w.open[i].close)
	}
	w.open = w.open[:n]
}

func (w *aimWriter) done() string {
	w.closeTo(0)
	if !w.rich {
		return ""
	}
	return w.b.String()
}
