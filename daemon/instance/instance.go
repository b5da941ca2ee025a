// SPDX-License-Identifier: GPL-2.0-or-later

// Package instance is one running instance: the only package that sees all
// others. It connects them (New), keeps them going (Run), exchanges the
// configuration (Reload) and says how things are (Status). It decides nothing
// that one of them could decide.
package instance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"spectrum.im/spectrum2/daemon/admin"
	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/logging"
	"spectrum.im/spectrum2/daemon/pbnetwork"
	"spectrum.im/spectrum2/daemon/register"
	"spectrum.im/spectrum2/daemon/store"
	"spectrum.im/spectrum2/daemon/supervisor"
	"spectrum.im/spectrum2/daemon/systemd"
	"spectrum.im/spectrum2/daemon/xmpp"
	"spectrum.im/spectrum2/daemon/xmpp/component"
)

// Options say what to run. Everything but File may be zero.
type Options struct {
	// File is the configuration file, Args its overrides (--section.key=value).
	File string
	Args []string
	// Version of the program, for people.
	Version string
	// Self is the path of this executable, for the stub that starts backends.
	Self string
	// Notifier and Inherited are systemd's; Inherited is the instance's from
	// now on.
	Notifier  *systemd.Notifier
	Inherited systemd.Inherited
	Stderr    *os.File
}

// Instance is one instance. Its methods may be called from any goroutine.
type Instance struct {
	opts    Options
	started time.Time
	jid     string
	config  atomic.Pointer[config.Config]
	preset  atomic.Pointer[preset]
	// pending are the keys that changed in the file and wait for a restart.
	pending  atomic.Pointer[[]string]
	warnings atomic.Pointer[config.Warnings]
	reloads  sync.Mutex
	// given are the service's credentials as the last reload had them, where
	// that brought any; it is under reloads.
	given map[string]config.Secret

	logs       *logging.Logging
	log        *slog.Logger
	store      store.Store
	cluster    *cluster // nil on a database of its own
	storeWatch *storeWatch
	// link is the way to the users' clients; side is the same in server mode,
	// else nil.
	link      line
	side      *serverSide
	linkState atomic.Pointer[component.State]
	linkUp    atomic.Bool
	// linkEvents are done by linkWorker, who alone uses held: messages that
	// wait for the next link.
	linkEvents chan func(context.Context)
	held       []*xmpp.Element
	backends   *supervisor.Manager
	sessions   *sessions
	router     *router
	registrar  *register.Registrar
	chat       *register.Chat
	table      *admin.Table
	logins     *rate.Limiter
	probes     *rate.Limiter

	fromXMPP, toXMPP atomic.Uint64
	stopping         atomic.Bool
	pidFile          string
	// linked is closed when the link stood for the first time.
	linked     chan struct{}
	linkedOnce sync.Once
	probeOnce  sync.Once
	// failed takes the error of a part without which nothing goes on.
	failed chan error
	// poked wakes the main loop to look at the state again.
	poked chan struct{}

	// ctx ends when sessions and tasks have to end: after the orderly stop.
	ctx    context.Context
	cancel context.CancelFunc
	// tasks are what was spawned; tasksOver, under tasksMu, when no more may be.
	tasks     sync.WaitGroup
	tasksMu   sync.Mutex
	tasksOver bool
}

// Config is the configuration in force.
func (i *Instance) Config() *config.Config { return i.config.Load() }

// New reads the configuration and opens what needs no network: log, runtime
// directory and database. An error that wraps config.Errors is the
// administrator's to mend (exit status 78).
func New(ctx context.Context, o Options) (*Instance, error) {
	cfg, warnings, err := config.Load(o.File, o.Args)
	if err != nil {
		return nil, err
	}
	if _, err := systemd.ParseLimits(scopeLimits(cfg)); err != nil {
		return nil, config.Errors{{File: cfg.File, Key: "scope", Text: err.Error()}}
	}
	if o.Notifier == nil {
		o.Notifier = systemd.NewNotifier()
	}
	i := &Instance{
		opts: o, started: time.Now(), jid: cfg.Service.JID,
		linked: make(chan struct{}), poked: make(chan struct{}, 1), failed: make(chan error, 1), linkEvents: make(chan func(context.Context), 64),
		logins: rate.NewLimiter(loginRate(cfg)), probes: rate.NewLimiter(500, 500),
	}
	i.config.Store(cfg)
	i.warnings.Store(&warnings)
	i.pending.Store(&[]string{})
	i.linkState.Store(&component.State{Addr: linkAddr(cfg), Text: startText(cfg)})
	i.ctx, i.cancel = context.WithCancel(context.Background())
	if err := i.open(ctx, cfg, warnings); err != nil {
		i.cancel()
		return nil, err
	}
	return i, nil
}

func (i *Instance) open(ctx context.Context, cfg *config.Config, warnings config.Warnings) error {
	if err := i.openLog(cfg); err != nil {
		return err
	}
	for _, w := range warnings {
		i.log.Warn("configuration: " + w.String())
	}
	i.sayEnvironment()
	if err := os.MkdirAll(cfg.Service.WorkingDir, 0o750); err != nil {
		return fmt.Errorf("make working directory: %w", err)
	}
	var err error
	if i.store, err = i.awaitStore(ctx, cfg); err != nil {
		return err
	}
	i.sessions = newSessions(i)
	i.router = newRouter(i)
	i.registrar = &register.Registrar{
		Config: i.Config, Features: i.features, Users: i.store, Accounts: accounts{i},
		Notify: func(ctx context.Context, jid, text string) { i.say(ctx, jid, text) },
		Log:    i.logs.Logger("register"),
	}
	i.chat = register.NewChat(i.registrar)
	i.storeWatch = newStoreWatch()
	i.table = admin.New(figures{i}, own{i}, i.explain)
	if cfg.Service.ServerMode {
		i.table.Without("register")
	}
	for _, open := range []func() error{
		func() error { return i.newBackends(cfg) },
		func() error { return i.join(ctx, cfg) },
		func() error { return i.newLine(cfg) },
	} {
		if err := open(); err != nil {
			return errors.Join(err, i.store.Close())
		}
	}
	return nil
}

// newLine makes the way to the users' clients.
func (i *Instance) newLine(cfg *config.Config) (err error) {
	if cfg.Service.ServerMode {
		if i.side, err = newServerSide(i, cfg); err != nil {
			return err
		}
		i.link = i.side
		return nil
	}
	o := component.Options{
		Addr: linkAddr(cfg), JID: i.jid, Secret: cfg.Service.Password, Log: i.logs.Logger("xmpp"),
		Handle: i.router.handle, State: i.linkChanged, Uncertain: i.uncertain, Unsent: i.unsent,
	}
	if i.cluster.isMember() {
		o.Alias, o.AliasWorks = i.cluster.alias(i.cluster.name), i.cluster.aliasWorks
	}
	c := component.New(o)
	if i.link = c; i.cluster != nil {
		i.cluster.comp.Store(c)
		i.cluster.stayAway() // the lease may be lost already
	}
	return nil
}

// features are the backend's, or the defaults until one has said.
func (i *Instance) features() pbnetwork.Features {
	if f, ok := i.backends.Features(); ok {
		return f
	}
	return pbnetwork.DefaultFeatures()
}

// explain turns an error into a sentence for whoever asked; what is not meant
// for him goes to the log.
func (i *Instance) explain(err error) string {
	var broken config.Errors
	if errors.As(err, &broken) {
		return broken.Error()
	}
	r := register.RefusalOf(err)
	if r.Condition == "internal-server-error" || r.Condition == "resource-constraint" {
		i.log.Log(context.Background(), i.storeFailure(err), "command failed", "err", err)
	}
	return r.Text
}

// spawn runs f in a goroutine that ends with the instance, and does nothing
// once the instance waits for those to end.
func (i *Instance) spawn(f func(ctx context.Context)) {
	i.tasksMu.Lock()
	defer i.tasksMu.Unlock()
	if !i.tasksOver {
		i.tasks.Go(func() { f(i.ctx) })
	}
}

// wait ends what was spawned and waits for it.
func (i *Instance) wait() {
	i.cancel()
	i.tasksMu.Lock()
	i.tasksOver = true
	i.tasksMu.Unlock()
	i.tasks.Wait()
}

// poke makes the main loop look at the state.
func (i *Instance) poke() {
	select {
	case i.poked <- struct{}{}:
	default:
	}
}

func linkAddr(cfg *config.Config) string {
	return fmt.Sprintf("%s:%d", cfg.Service.Server, cfg.Service.Port)
}

// startText is what there is to say before the line stands.
func startText(cfg *config.Config) string {
	if cfg.Service.ServerMode {
		return "not listening yet"
	}
	return "connecting to " + linkAddr(cfg)
}

// loginRate is one login in service.login_delay, and at most 500 in a second.
func loginRate(cfg *config.Config) (rate.Limit, int) {
	if d := cfg.Service.LoginDelay; d > 0 {
		return rate.Every(d), 1
	}
	return 500, 1000
}

// unclaim gives a user back whose session has ended.
func (i *Instance) unclaim(user string, t store.Token) {
	if c := i.cluster; c != nil && c.lost.Load() {
		return // he is free already
	} else if c != nil && i.stopping.Load() && c.another() == "" {
		return // he is free when our backends have ended: Close gives everybody back
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := i.store.Unclaim(ctx, user, t); err != nil {
		i.log.Log(ctx, min(slog.LevelWarn, i.storeFailure(err)), "user not given back", "user", user, "err", err)
	}
}
