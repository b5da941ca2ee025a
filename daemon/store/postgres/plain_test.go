// SPDX-License-Identifier: GPL-2.0-or-later

package postgres_test

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/store/postgres"
)

// A server that shuts down waits for those who connected and say nothing.
func TestConnectionOnWhichTheServerRefusedTLSIsClosed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	left := make(chan error, 1)
	go func() { left <- refuseTLS(l) }()
	address := l.Addr().(*net.TCPAddr)
	d, err := postgres.Open(t.Context(), postgres.Options{Server: "127.0.0.1", Port: address.Port, Database: "d", User: "u", Password: config.NewSecret("p")})
	if err == nil {
		d.Close()
		t.Fatal("a server that ends every connection was taken for one that works")
	}
	if err := <-left; err != nil {
		t.Error(err)
	}
}

// refuseTLS answers the first connection that it has no TLS, takes the second
// one, which begins in clear text, and returns how the first has ended by then.
func refuseTLS(l net.Listener) error {
	first, err := l.Accept()
	if err != nil {
		return err
	}
	defer first.Close()
	request := make([]byte, 8)
	if _, err := io.ReadFull(first, request); err != nil {
		return err
	}
	if _, err := first.Write([]byte("N")); err != nil {
		return err
	}
	second, err := l.Accept()
	if err != nil {
		return err
	}
	defer second.Close()
	if _, err := io.ReadFull(second, request); err != nil {
		return err
	}
	if err := first.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := first.Read(request); !errors.Is(err, io.EOF) {
		return errors.New("the first connection is still open")
	}
	return nil
}
