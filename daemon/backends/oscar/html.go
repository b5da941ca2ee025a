// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"regexp"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// AIM's texts are a dialect of early HTML. They are read here into plain text
// and XHTML-IM (XEP-0071), which gets nothing but what writer knows: whatever
// else there is in the HTML, its text remains.

// plain is the text of HTML.
func plain(markup string) string {
	text, _ := xhtmlOf(markup)
	return text
}

// xhtmlOf is the text of HTML, and that text with its formats; xhtml is ""
// where it has none.
func xhtmlOf(markup string) (text, xhtml string) {
	w := writer{}
	tok := html.NewTokenizer(strings.NewReader(markup))
	for {
		switch tok.Next() {
		case html.ErrorToken:
			return w.done()
		case html.TextToken:
			w.words(string(tok.Text()))
		case html.StartTagToken, html.SelfClosingTagToken:
			w.start(tok.Token())
		case html.EndTagToken:
			w.end(tok.Token().DataAtom)
		}
	}
}

// maxDepth is how deep formats may be in each other.
const maxDepth = 32

// writer makes text and XHTML of HTML.
type writer struct {
	text, xhtml strings.Builder
	// open are the elements that are open, with what closes them.
	open   []element
	rich   bool
	hidden int
	// href is the open link's address, from where its text begins.
	href     string
	hrefText int
}

type element struct {
	name  atom.Atom
	close string
}

func (w *writer) words(s string) {
	if w.hidden > 0 {
		return
	}
	s = validText(s)
	w.text.WriteString(s)
	w.xhtml.WriteString(strings.ReplaceAll(html.EscapeString(s), "\n", "<br/>"))
}

func (w *writer) start(t html.Token) {
	switch t.DataAtom {
	case atom.Br:
		w.line()
	case atom.Hr, atom.P, atom.Div, atom.Tr, atom.Li:
		if w.text.Len() > 0 {
			w.line()
		}
	case atom.Head, atom.Script, atom.Style, atom.Title:
		if t.Type == html.StartTagToken {
			w.hidden++
		}
	case atom.B, atom.Strong:
		w.push(t, "<strong>", "</strong>")
	case atom.I, atom.Em:
		w.push(t, "<em>", "</em>")
	case atom.U:
		w.push(t, `<span style="text-decoration: underline">`, "</span>")
	case atom.S, atom.Strike:
		w.push(t, `<span style="text-decoration: line-through">`, "</span>")
	case atom.Font:
		if c := attribute(t, "color"); colour.MatchString(c) {
			w.push(t, `<span style="color: `+c+`">`, "</span>")
		}
	case atom.A:
		w.link(t)
	}
}

// colour is what may stand in a style.
var colour = regexp.MustCompile(`^(#[0-9a-fA-F]{6}|#[0-9a-fA-F]{3}|[a-zA-Z]{3,20})$`)

// address is what may be linked.
var address = regexp.MustCompile(`^(?i:https?|ftp|mailto|xmpp|aim|sms|tel):[^\s<>"\x00-\x20]{1,1000}$`)

func (w *writer) link(t html.Token) {
	href := attribute(t, "href")
	if !address.MatchString(href) || href != validText(href) || w.href != "" {
		return
	}
	if w.push(t, `<a href="`+html.EscapeString(href)+`">`, "</a>") {
		w.href, w.hrefText = href, w.text.Len()
	}
}

func attribute(t html.Token, name string) string {
	for _, a := range t.Attr {
		if a.Key == name {
			return strings.TrimSpace(a.Val)
		}
	}
	return ""
}

// push opens an element.
func (w *writer) push(t html.Token, open, close string) bool {
	if t.Type != html.StartTagToken || len(w.open) >= maxDepth || w.hidden > 0 {
		return false
	}
	w.xhtml.WriteString(open)
	w.open = append(w.open, element{t.DataAtom, close})
	w.rich = true
	return true
}

// end closes the element and whatever was left open in it.
func (w *writer) end(name atom.Atom) {
	switch name {
	case atom.Head, atom.Script, atom.Style, atom.Title:
		w.hidden = max(0, w.hidden-1)
		return
	}
	for i := len(w.open) - 1; i >= 0; i-- {
		if w.open[i].name == name {
			w.closeTo(i)
			return
		}
	}
}

func (w *writer) closeTo(n int) {
	for i := len(w.open) - 1; i >= n; i-- {
		w.xhtml.WriteString(w.open[i].close)
		if w.open[i].name == atom.A {
			w.endLink()
		}
	}
	w.open = w.open[:n]
}

// endLink says in the text where a link leads, if its words do not.
func (w *writer) endLink() {
	words := strings.TrimSpace(w.text.String()[w.hrefText:])
	if words == "" || !strings.HasSuffix(w.href, words) {
		w.text.WriteString(" <" + w.href + ">")
	}
	w.href = ""
}

func (w *writer) line() {
	if w.hidden > 0 {
		return
	}
	w.text.WriteByte('\n')
	w.xhtml.WriteString("<br/>")
}

func (w *writer) done() (text, xhtml string) {
	w.closeTo(0)
	text = strings.TrimRight(w.text.String(), "\n ")
	if w.rich {
		xhtml = w.xhtml.String()
	}
	return text, xhtml
}
