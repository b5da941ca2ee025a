// SPDX-License-Identifier: GPL-2.0-or-later

package instance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"spectrum.im/spectrum2/daemon/systemd"
)

// readyWait is how long READY=1 waits for the XMPP server and the first
// backend: a server that is away must not hang boot.
const readyWait = 5 * time.Second

// Run runs the instance until ctx ends, and stops it in order. It is called
// once.
func (i *Instance) Run(ctx context.Context) error {
	defer i.close()
	stopServices := i.startServices()
	control, err := i.serveControl()
	if err != nil {
		i.stop(stopServices)
		return err
	}
	i.log.Info("started", "jid", i.jid, "file", i.Config().File, "version", i.opts.Version)
	err = i.loop(ctx)
	i.stop(stopServices)
	control()
	return err
}

// startServices starts what runs beside the main loop; an error of one ends all.
// stop ends the link with the XMPP server, after what waits to be sent.
func (i *Instance) startServices() (stop func()) {
	linkCtx, stopLink := context.WithCancel(i.ctx)
	i.writePIDFile()
	i.spawn(i.watchStore)
	i.spawn(i.linkWorker)
	i.spawn(func(ctx context.Context) {
		if err := i.backends.Run(ctx); err != nil && ctx.Err() == nil {
			i.fail(fmt.Errorf("run backends: %w", err))
		}
	})
	linkEnded := make(chan struct{})
	i.spawn(func(context.Context) {
		defer close(linkEnded)
		if err := i.link.Run(linkCtx); err != nil && linkCtx.Err() == nil {
			i.fail(fmt.Errorf("run component: %w", err))
		}
	})
	return func() {
		stopLink()
		<-linkEnded
	}
}

// fail makes the main loop end with err.
func (i *Instance) fail(err error) {
	select {
	case i.failed <- err:
	default:
	}
}

// loop is the main loop: it keeps systemd's view of the instance true.
func (i *Instance) loop(ctx context.Context) error {
	ready := time.NewTimer(readyWait)
	defer ready.Stop()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	watchdog, watched := i.watchdog()
	defer watchdog.Stop()
	linked, backend, isReady := i.linked, i.backends.Ready(), false
	for {
		if !isReady && linked == nil && backend == nil {
			isReady = i.sayReady()
		}
		i.opts.Notifier.Status(i.sentence())
		select {
		case <-ctx.Done():
			return nil
		case err := <-i.failed:
			return err
		case <-ready.C:
			if !isReady {
				isReady = i.sayReady()
			}
		case <-linked:
			linked = nil
		case <-backend:
			backend = nil
		case <-i.poked:
		case <-tick.C:
			if i.side != nil {
				i.side.tidy()
			}
		case <-watchdog.C:
			if watched && i.alive() {
				i.opts.Notifier.Watchdog()
			}
		}
	}
}

func (i *Instance) watchdog() (*time.Ticker, bool) {
	every, on := i.opts.Notifier.WatchdogInterval()
	if !on {
		every = time.Hour
	}
	return time.NewTicker(every), on
}

// alive asks the parts that everybody needs whether they still answer: their
// locks are free, or this does not return and systemd ends the process.
func (i *Instance) alive() bool {
	_ = i.sessions.all()
	_ = i.backends.Backends()
	return true
}

func (i *Instance) sayReady() bool {
	i.opts.Notifier.Status(i.sentence())
	if err := i.opts.Notifier.Ready(); err != nil {
		i.log.Warn("systemd was not told that the instance is ready", "err", err)
	}
	i.log.Info("ready", "status", i.sentence())
	return true
}

// stopWait bounds how long the parts of a stop take together.
const stopWait = 30 * time.Second

// stop ends the instance in order: users are told, backends end (or are left
// alone for a restart), and the link is closed last.
func (i *Instance) stop(stopLink func()) {
	i.stopping.Store(true)
	i.opts.Notifier.Stopping()
	i.opts.Notifier.ExtendTimeout(stopWait + 10*time.Second)
	restart := i.restarting()
	i.opts.Notifier.Status(i.sentence())
	i.log.Info("stopping", "restart", restart)
	ctx, cancel := context.WithTimeout(context.Background(), stopWait)
	defer cancel()
	i.sessions.stop(ctx)
	i.backends.Stop(ctx, restart)
	stopLink()
	i.wait()
	i.sessions.wg.Wait()
}

// restarting asks systemd what the stop is for.
func (i *Instance) restarting() bool {
	name := i.Config().Instance
	if !systemd.InService(name) {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	kind, err := systemd.JobOfUnit(ctx, systemd.ServiceUnit(name))
	if err != nil {
		i.log.Warn("systemd did not say whether this is a restart, so it is taken for a stop", "err", err)
	}
	return kind == "restart"
}

// close gives back what New opened.
func (i *Instance) close() {
	i.cancel()
	if err := errors.Join(i.store.Close(), i.removePIDFile()); err != nil {
		i.log.Error("not closed in order", "err", err)
	}
	i.log.Info("stopped")
	if err := i.logs.Close(); err != nil {
		fmt.Fprintln(i.opts.Stderr, "spectrum2: close log:", err)
	}
}
