// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"slices"
	"strings"
	"time"

	"mellium.im/xmpp/jid"

	"spectrum.im/spectrum2/daemon/admin"
	"spectrum.im/spectrum2/daemon/clients"
	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/register"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/commands"
	"spectrum.im/spectrum2/daemon/xmpp/disco"
	"spectrum.im/spectrum2/daemon/xmpp/entitytime"
	"spectrum.im/spectrum2/daemon/xmpp/gateway"
	"spectrum.im/spectrum2/daemon/xmpp/last"
	"spectrum.im/spectrum2/daemon/xmpp/muc"
	"spectrum.im/spectrum2/daemon/xmpp/ping"
	ibr "spectrum.im/spectrum2/daemon/xmpp/register"
	"spectrum.im/spectrum2/daemon/xmpp/search"
	"spectrum.im/spectrum2/daemon/xmpp/vcard"
	"spectrum.im/spectrum2/daemon/xmpp/version"
)

const nsMUC = muc.NS

// answerer answers one kind of request to the transport's address: the payload
// of the result, which may be nil, or an error.
type answerer func(r *router, ctx context.Context, from jid.JID, iq *xmpp.Element) (*xmpp.Element, error)

// payload names a request by its payload and type.
type payload struct{ space, name, typ string }

var answers = map[payload]answerer{
	{disco.NSInfo, "query", "get"}:  (*router).discoInfo,
	{disco.NSItems, "query", "get"}: (*router).discoItems,
	{ibr.NS, "query", "get"}:        (*router).register,
	{ibr.NS, "query", "set"}:        (*router).register,
	{commands.NS, "command", "set"}: (*router).command,
	{gateway.NS, "query", "get"}:    (*router).gatewayPrompt,
	{gateway.NS, "query", "set"}:    (*router).gatewayJID,
	{ping.NS, "ping", "get"}:        (*router).ping,
	{version.NS, "query", "get"}:    (*router).version,
	{last.NS, "query", "get"}:       (*router).last,
	{entitytime.NS, "time", "get"}:  (*router).time,
	{vcard.NS, "vCard", "get"}:      (*router).vcard,
}

// own answers what goes to the transport itself.
func (r *router) own(ctx context.Context, from jid.JID, st *xmpp.Element) {
	switch st.Name {
	case "message":
		r.chatLine(ctx, from, st)
	case "iq":
		if xmpp.IsRequest(st) {
			r.send(ctx, r.answer(ctx, from, st))
		}
	}
}

func (r *router) answer(ctx context.Context, from jid.JID, iq *xmpp.Element) *xmpp.Element {
	p := iq.First()
	if p == nil {
		return xmpp.ErrorReply(iq, "", xmpp.BadRequest, "The request is empty.")
	}
	if p.Is(search.NS, "query") {
		return r.search(ctx, from, iq)
	}
	f := answers[payload{p.Space, p.Name, iq.Get("type")}]
	if f == nil || r.side != nil && p.Space == ibr.NS {
		return xmpp.ErrorReply(iq, "", xmpp.ServiceUnavailable, "The transport does not know that kind of request.")
	}
	result, err := f(r, ctx, from, iq)
	if err != nil {
		return r.refusal(iq, err)
	}
	return xmpp.Result(iq).Add(result)
}

// capsNode identifies the software (XEP-0115 §4).
const capsNode = "https://spectrum.im/"

// info is the transport's disco#info.
func (i *Instance) info() disco.Info { return infoOf(i.Config(), i.features()) }

func infoOf(cfg *config.Config, f pbnetwork.Features) disco.Info {
	info := disco.Info{
		Identities: []disco.Identity{{Category: cfg.Identity.Category, Type: cfg.Identity.Type, Name: cfg.Identity.Name}},
		Features: []string{
			disco.NSInfo, disco.NSItems, disco.NSCaps, commands.NS, gateway.NS, ibr.NS, last.NS, ping.NS, vcard.NS, version.NS,
		},
	}
	if cfg.Service.ServerMode {
		info.Identities = append(info.Identities, disco.Identity{Category: "server", Type: "im", Name: cfg.Identity.Name})
		info.Features = append(info.Features, clients.Features()...)
		slices.Sort(info.Features)
		info.Features = slices.Compact(info.Features)
		info.Features = slices.DeleteFunc(info.Features, func(f string) bool { return f == ibr.NS })
	}
	if info.Identities[0].Type == "" {
		info.Identities[0].Type = networkType(cfg.Service.Program(), cfg.Service.Protocol)
	}
	if f.Search != nil {
		info.Features = append(info.Features, search.NS)
	}
	if f.MUC {
		info.Features = append(info.Features, muc.NS)
		info.Identities = append(info.Identities, disco.Identity{Category: "conference", Type: "text", Name: cfg.Identity.Name})
	}
	return info
}

// networkType is the registered gateway type that fits (XMPP registrar, disco
// identities), for files that name none.
func networkType(backend, protocol string) string {
	for word, typ := range map[string]string{"irc": "irc", "libcommuni": "irc", "icq": "icq", "aim": "aim", "sms": "sms", "xmpp": "xmpp", "swiften": "xmpp"} {
		if strings.Contains(protocol, word) || strings.Contains(backend, word) {
			return typ
		}
	}
	return "generic"
}

// capsOf is the <c/> of the transport's presence.
func capsOf(cfg *config.Config, f pbnetwork.Features) *xmpp.Element {
	return disco.NewCaps(capsNode, infoOf(cfg, f)).Element()
}

func (r *router) discoInfo(_ context.Context, from jid.JID, iq *xmpp.Element) (*xmpp.Element, error) {
	node := iq.First().Get("node")
	info := r.info()
	switch {
	case node == "", node == capsNode+"#"+info.Hash():
	case node == commands.NS:
		info = disco.Info{Identities: []disco.Identity{{Category: "automation", Type: "command-list", Name: "Commands"}}, Features: []string{commands.NS}}
	default:
		label, ok := r.nodeLabel(from, node)
		if !ok {
			return nil, register.Refused(xmpp.ItemNotFound, "There is no node %q here.", node)
		}
		info = disco.Info{
			Identities: []disco.Identity{{Category: "automation", Type: "command-node", Name: label}},
			Features:   []string{commands.NS, "jabber:x:data"},
		}
	}
	info.Node = node
	return info.Element(), nil
}

func (r *router) nodeLabel(from jid.JID, node string) (string, bool) {
	for _, n := range r.nodes(from) {
		if n.name == node {
			return n.label, true
		}
	}
	return "", false
}

// caller is who sends a command.
func (i *Instance) caller(from jid.JID) admin.Caller {
	return admin.Caller{JID: from.Bare().String(), Admin: isAdmin(i.Config(), from)}
}

// isAdmin reports whether a JID is an administrator's.
func isAdmin(cfg *config.Config, user jid.JID) bool {
	for _, a := range cfg.Service.AdminJID {
		if j, err := xmpp.ParseJID(a); err == nil && j.Bare().Equal(user.Bare()) {
			return true
		}
	}
	return false
}

func (r *router) discoItems(_ context.Context, from jid.JID, iq *xmpp.Element) (*xmpp.Element, error) {
	items := disco.Items{Node: iq.First().Get("node")}
	switch items.Node {
	case commands.NS:
		for _, n := range r.nodes(from) {
			items.Items = append(items.Items, disco.Item{JID: r.jid, Node: n.name, Name: n.label})
		}
	case "":
		s := r.sessions.get(from.Bare().String())
		if s == nil {
			break
		}
		a := r.addresses()
		for _, room := range s.RoomList() {
			if len(items.Items) >= r.Config().Service.MaxRoomListSize {
				break
			}
			if j, err := a.JID(room.Name, ""); err == nil {
				items.Items = append(items.Items, disco.Item{JID: j.String(), Name: room.Title})
			}
		}
	default:
		if _, ok := r.nodeLabel(from, items.Node); !ok {
			return nil, register.Refused(xmpp.ItemNotFound, "There is no node %q here.", items.Node)
		}
	}
	return items.Element(), nil
}

func (r *router) register(ctx context.Context, from jid.JID, iq *xmpp.Element) (*xmpp.Element, error) {
	ctx, cancel := context.WithTimeout(ctx, registerTimeout)
	defer cancel()
	r.awaitBackend(ctx)
	return r.registrar.IQ(ctx, from.Bare().String(), iq)
}

// awaitBackend waits a moment for the first backend, who alone knows what the
// network asks of its users.
func (r *router) awaitBackend(ctx context.Context) {
	t := time.NewTimer(readyWait)
	defer t.Stop()
	select {
	case <-r.backends.Ready():
	case <-t.C:
	case <-ctx.Done():
	}
}

// registerTimeout bounds a registration with its trial login.
const registerTimeout = 90 * time.Second

func (r *router) command(ctx context.Context, from jid.JID, iq *xmpp.Element) (*xmpp.Element, error) {
	cmd := commands.Parse(iq.Child(commands.NS, "command"))
	if cmd == nil {
		return nil, register.Refused(xmpp.BadRequest, "The command cannot be read.")
	}
	ctx, cancel := context.WithTimeout(ctx, registerTimeout)
	defer cancel()
	r.awaitBackend(ctx)
	caller := r.caller(from)
	if cmd.Node == register.Node && r.side != nil {
		return nil, errNoRegistration
	}
	if cmd.Node == register.Node && !caller.Admin {
		reply, err := r.registrar.Command(ctx, caller.JID, cmd)
		if err != nil {
			return nil, err
		}
		return reply.Element(), nil
	}
	if spec := r.networkCommand(cmd.Node); spec != nil && r.table.Entry(cmd.Node) == nil {
		reply, err := r.runNetworkCommand(ctx, from, spec, cmd)
		if err != nil {
			return nil, err
		}
		return reply.Element(), nil
	}
	reply, found := r.table.Command(ctx, caller, cmd)
	if !found {
		return nil, register.Refused(xmpp.ItemNotFound, "There is no command %q for you here.", cmd.Node)
	}
	return reply.Element(), nil
}

func (r *router) gatewayPrompt(context.Context, jid.JID, *xmpp.Element) (*xmpp.Element, error) {
	g := r.Config().GatewayResponder
	return gateway.Prompt(g.Label, g.Prompt), nil
}

func (r *router) gatewayJID(_ context.Context, _ jid.JID, iq *xmpp.Element) (*xmpp.Element, error) {
	name := strings.TrimSpace(gateway.Name(iq))
	if name == "" {
		return nil, register.Refused(xmpp.NotAcceptable, "Give the contact's name on the network.")
	}
	j, err := r.addresses().JID(name, "")
	if err != nil {
		return nil, register.Refused(xmpp.NotAcceptable, "%q cannot be a contact's name.", name)
	}
	return gateway.JID(j.String()), nil
}

func (r *router) ping(context.Context, jid.JID, *xmpp.Element) (*xmpp.Element, error) {
	return nil, nil
}

func (r *router) version(context.Context, jid.JID, *xmpp.Element) (*xmpp.Element, error) {
	return version.Version{Name: "Spectrum 2", Version: r.opts.Version}.Element(), nil
}

func (r *router) time(context.Context, jid.JID, *xmpp.Element) (*xmpp.Element, error) {
	return entitytime.Element(time.Now()), nil
}

func (r *router) last(context.Context, jid.JID, *xmpp.Element) (*xmpp.Element, error) {
	return last.Element(time.Since(r.started), ""), nil
}

func (r *router) vcard(context.Context, jid.JID, *xmpp.Element) (*xmpp.Element, error) {
	cfg := r.Config()
	return vcard.VCard{FullName: cfg.Identity.Name, Nickname: cfg.Identity.Name, Desc: "A transport to another network. Send it the message help."}.Element(), nil
}
