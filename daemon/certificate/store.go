// SPDX-License-Identifier: GPL-2.0-or-later

// Package certificate is the certificate of an instance in server mode: it
// reads PEM and PKCS#12, makes a self-signed one where none is configured, and
// takes a renewed one into use without a connection noticing. It knows no
// listener; tls.Config asks it at each handshake.
package certificate

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"spectrum.im/spectrum2/daemon/config"
)

// Options say where the certificate is.
type Options struct {
	// Domain is the JID that the certificate has to be for.
	Domain string
	// CertFile is PEM or PKCS#12, KeyFile the key in PEM where it is not in
	// CertFile; Password opens PKCS#12.
	CertFile, KeyFile string
	Password          config.Secret
	// SelfSigned is the file for a self-signed certificate, which is made
	// where there is none. It counts only where CertFile is "".
	SelfSigned string
	Log        *slog.Logger
}

// Store holds the certificate in use. All methods may be called by anybody.
type Store struct {
	log *slog.Logger
	// current never holds nil after Open.
	current atomic.Pointer[loaded]

	mu sync.Mutex
	o  Options
	// seen is how the files were when they were looked at last, good or bad.
	seen state
	// failure is why the files as they are now are not in use.
	failure string
	// said are the problems that are in the log already.
	said map[string]bool
}

// loaded is a certificate that was read and fits its key.
type loaded struct {
	tls  tls.Certificate
	info Info
}

// Open reads the certificate, or makes one. Its errors name file and reason,
// never what is in the file.
func Open(o Options) (*Store, error) {
	if o.CertFile == "" && o.SelfSigned == "" {
		return nil, errors.New("open the certificate: none is configured, and no place for one of our own")
	}
	s := &Store{log: o.Log, o: o}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if err := s.Reload(); err != nil {
		return nil, err
	}
	return s, nil
}

// Config is for the server's side of a connection; ALPN is the caller's to
// add to a clone. Connections that are open keep what they have.
func (s *Store) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		// TLS 1.2 without CBC and SHA-1; TLS 1.3 has no choice.
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		// Go's tickets are good for a week, in which a stolen one tells who
		// comes back; streams are resumed by XEP-0198.
		SessionTicketsDisabled: true,
		GetCertificate:         func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &s.current.Load().tls, nil },
	}
}

// Info describes the certificate in use; its Error is why a newer one is not.
func (s *Store) Info() Info {
	i := s.current.Load().info
	s.mu.Lock()
	defer s.mu.Unlock()
	i.Error = s.failure
	return i
}

// Reload reads the files again. On an error what was in use stays so.
func (s *Store) Reload() error {
	s.mu.Lock()
	o := s.o
	s.mu.Unlock()
	return s.load(o)
}

// Use takes the files of o instead, as after a reload of the configuration. On
// an error everything stays as it was.
func (s *Store) Use(o Options) error {
	o.Log = s.log
	seen := stateOf(o)
	l, err := read(o)
	if err != nil {
		return err
	}
	s.take(o, seen, l)
	return nil
}

// load reads what o says. No lock is held over it: of two at once the older
// may win, and Watch sees that the files are others than it believes.
func (s *Store) load(o Options) error {
	seen := stateOf(o)
	l, err := read(o)
	if err == nil {
		s.take(o, seen, l)
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen, s.failure = seen, err.Error()
	return err
}

// take puts a certificate into use.
func (s *Store) take(o Options, seen state, l *loaded) {
	old := s.current.Swap(l)
	s.mu.Lock()
	s.o, s.seen, s.failure = o, seen, ""
	if old == nil || old.info.Fingerprint != l.info.Fingerprint {
		s.said = map[string]bool{}
	}
	s.mu.Unlock()
	switch {
	case l.info.made:
		s.log.Warn("no certificate is configured: made a self-signed one, which clients ask about",
			"fingerprint", l.info.Fingerprint, "file", l.info.File)
	case old == nil || old.info.Fingerprint != l.info.Fingerprint:
		s.log.Info("certificate in use", "fingerprint", l.info.Fingerprint, "file", l.info.File,
			"not_after", l.info.NotAfter, "self_signed", l.info.SelfSigned)
	}
	s.warn()
}

// read reads the configured certificate, or the self-signed one.
func read(o Options) (*loaded, error) {
	if o.CertFile == "" {
		return selfSigned(o.SelfSigned, o.Domain)
	}
	cert, err := readFile(o.CertFile)
	if err != nil {
		return nil, fmt.Errorf("read the certificate %s: %w", o.CertFile, err)
	}
	var key []byte
	if o.KeyFile != "" {
		if key, err = readFile(o.KeyFile); err != nil {
			return nil, fmt.Errorf("read the certificate's key %s: %w", o.KeyFile, err)
		}
	}
	l, err := parse(cert, key, o.Password)
	if err != nil {
		return nil, fmt.Errorf("read the certificate %s: %w", o.CertFile, err)
	}
	l.info.File = o.CertFile
	return l, nil
}
