// SPDX-License-Identifier: GPL-2.0-or-later

package oscar

import (
	"crypto/sha1"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
)

// How many icons are kept, how large one may be for that, and of how many the
// SHA-1 is remembered.
const (
	keptIcons   = 256
	maxKeptIcon = 16 << 10
	keptSums    = 16384
)

// iconCache holds icons by their names on the network, which are hashes: so
// all users of the process share it. The zero value is ready for use.
type iconCache struct {
	once  sync.Once
	sums  *lru.Cache[string, [sha1.Size]byte]
	icons *lru.Cache[string, []byte]
}

func (c *iconCache) open() {
	c.once.Do(func() {
		c.sums, _ = lru.New[string, [sha1.Size]byte](keptSums) // fails on sizes below 1
		c.icons, _ = lru.New[string, []byte](keptIcons)
	})
}

// sum is the SHA-1 of an icon that was seen before.
func (c *iconCache) sum(hash string) ([sha1.Size]byte, bool) {
	c.open()
	return c.sums.Get(hash)
}

// data is an icon that was seen lately.
func (c *iconCache) data(hash string) ([]byte, bool) {
	c.open()
	return c.icons.Get(hash)
}

func (c *iconCache) add(hash string, data []byte) {
	c.open()
	c.sums.Add(hash, sha1.Sum(data))
	if len(data) <= maxKeptIcon {
		c.icons.Add(hash, data)
	}
}
