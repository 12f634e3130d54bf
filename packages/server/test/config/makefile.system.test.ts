import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { makefileTargets } from '#config/zero/makefile'
import { workspace } from './workspace.ts'

const everyday = `
# a comment: with a colon
CC := gcc
FLAGS ?= -O2
URL = http://example.org/x
NOW != date
export PATH := bin:$(PATH)
SRC = $(wildcard src/*.c)
OBJ = $(SRC:.c=.o)
.PHONY: all clean \\
        docs/serve
.DEFAULT_GOAL := all
.SUFFIXES:

all: app docs ; @echo done
app: FLAGS += -g
app: $(OBJ) | out
	$(CC) -o $@ $^ # recipe: not a rule
out:
	mkdir out
%.o: %.c
	$(CC) -c $<
build/main.o: main.c
	true
data.json: make.js
	true
$(OBJ): common.h
clean lint::
	rm -f a:b
first second &: x
	true
docs/serve:
	true
ifeq ($(OS),Windows_NT)
windows: all
endif
define BODY
inside: not
endef
_private:
	true
   spaced:
	true
escaped\\#name: x
last:`

describe('the targets of a Makefile', () => {
  it('the targets of a Makefile are those a person would call', () => {
    expect(makefileTargets(everyday).map(({ name }) => name)).toEqual([
      'all',
      'app',
      'out',
      'clean',
      'lint',
      'first',
      'second',
      'docs/serve',
      'windows',
      '_private',
      'spaced',
      'last',
    ])
  })

  it('the help of a target is what it says after ##', () => {
    const text =
      'help: ## Show this\nbuild: a b  ##  Build it all # twice \nclean: # not help\nclean: ## Later\n'
    expect(makefileTargets(text)).toEqual([
      { name: 'help', help: 'Show this' },
      { name: 'build', help: 'Build it all # twice' },
      { name: 'clean', help: 'Later' },
    ])
  })

  it('a text without rules has no targets', () => {
    expect(makefileTargets('')).toEqual([])
    expect(makefileTargets('A = b\nB := c\nC ::= d\nD :::= e\n\ttarget: indented\n-include x.mk')).toEqual([])
  })

  it('make itself knows every target that is found', () => {
    const root = workspace({ Makefile: everyday.replace(/^escaped.*$/m, '') })
    const made = spawnSync('make', ['-n', 'lint', 'out', '_private', 'spaced', 'docs/serve'], {
      cwd: root,
      encoding: 'utf8',
    })
    if (made.error !== undefined) return // no make on this machine
    expect(made.stderr).toBe('')
  })
})
