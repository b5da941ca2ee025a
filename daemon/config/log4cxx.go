// SPDX-License-Identifier: GPL-2.0-or-later

package config

import (
	"slices"
	"strings"

	"gopkg.in/ini.v1"
)

// log4cxxLevels are log4cxx's levels and ours that are nearest.
var log4cxxLevels = map[string]string{
	"all": "debug", "trace": "debug", "debug": "debug", "info": "info",
	"warn": "warn", "error": "error", "fatal": "error", "off": "error",
}

// log4cxxParts are the loggers of the C++ version and our parts that do what
// they did.
var log4cxxParts = map[string]string{
	"component": "xmpp", "xmppfrontend": "xmpp", "connection": "xmpp", "discoinforesponder": "xmpp",
	"backend": "backend", "networkpluginserver": "backend", "plugin": "backend",
	"user": "session", "usermanager": "session", "rostermanager": "session", "conversationmanager": "session",
	"userregistration": "register", "userregistry": "register",
	"sqlite3backend": "store", "mysqlbackend": "store", "pqxxbackend": "store",
	"admininterface": "admin",
}

// log4cxx takes the levels of the C++ version's logging file where ours are
// not given. The rest of that file (appenders, layouts) is not for us.
func (l *loader) log4cxx() {
	key, path := "logging.config", l.cfg.Logging.Config
	if l.lenient {
		key, path = "logging.backend_config", l.cfg.Logging.BackendConfig
	}
	if path == "" {
		return
	}
	file, err := ini.LoadSources(ini.LoadOptions{
		IgnoreContinuation: true, IgnoreInlineComment: true, SkipUnrecognizableLines: true, KeyValueDelimiters: "=",
	}, path)
	if err != nil {
		l.remark(key, "cannot read that log4cxx file; logging.level holds", "level = info instead, or leave it out")
		return
	}
	for _, k := range file.Section("").Keys() {
		l.log4cxxLevel(key, path, strings.ToLower(k.Name()), k.Value())
	}
}

func (l *loader) log4cxxLevel(key, path, name, value string) {
	name, ok := strings.CutPrefix(name, "log4j.")
	word, _, _ := strings.Cut(value, ",")
	level, known := log4cxxLevels[strings.ToLower(strings.TrimSpace(word))]
	logging := &l.cfg.Logging
	switch {
	case !ok || !known:
	case name == "rootlogger" || name == "rootcategory":
		if !l.cfg.IsSet("logging.level") {
			logging.Level, l.cfg.origin["logging.level"] = level, path
		}
	case strings.HasPrefix(name, "logger.") || strings.HasPrefix(name, "category."):
		_, logger, _ := strings.Cut(name, ".")
		part := log4cxxParts[logger]
		if part == "" {
			l.remark(key, "the level of "+logger+" in "+path+" has no effect: there is no such part", "level.PART = "+level+" for one of "+strings.Join(partNames(), ", "))
		} else if _, given := logging.Levels[part]; !given {
			logging.Levels = setKey(logging.Levels, part, level)
		}
	}
}

func partNames() []string {
	var names []string
	for _, p := range log4cxxParts {
		if !slices.Contains(names, p) {
			names = append(names, p)
		}
	}
	slices.Sort(names)
	return names
}
