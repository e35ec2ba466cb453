// SPDX-License-Identifier: Apache-2.0
// Index segments that collectors write anew while a client lists them (G6 and G7 of
// docs/architecture.md). A listing meets the names in their order, which is random, one after the
// other, while others put and delete. README.md tells what is left out.

#define NAMES 6
#define ALL 7 // three packs, each in a segment of its own at first

byte segment[NAMES]; // the packs that it lists; 0: not there
bool used[NAMES];    // a name is a hash: it never comes back
byte listings = 0;   // clients that are between their listing and the end of their reading

inline pick_name() {
  if
  :: !used[0] -> name = 0
  :: !used[1] -> name = 1
  :: !used[2] -> name = 2
  :: !used[3] -> name = 3
  :: !used[4] -> name = 4
  :: !used[5] -> name = 5
  :: else -> goto done
  fi
}

inline delete_old() {
  i = 0;
  do
  :: i < NAMES -> if :: old[i] -> segment[i] = 0 :: else fi; i++
  :: else -> break
  od
}

// One segment in place of any two or three. A collector that ends at `done` may have crashed.
proctype Collector() {
  byte i, name, packs, chosen;
  bool old[NAMES];
  do
  :: i < NAMES ->
    if
    :: segment[i] != 0 && chosen < 3 -> old[i] = true; chosen++
    :: true
    fi;
    i++
  :: else -> break
  od;
  if :: chosen < 2 -> goto done :: else fi;
  i = 0;
  do
  :: i < NAMES ->
    // One that is gone was replaced by another collector: begin again some other time.
    if :: old[i] -> atomic { if :: segment[i] == 0 -> goto done :: else -> packs = packs | segment[i] fi } :: else fi;
    i++
  :: else -> break
  od;
#ifdef M_DELETE_FIRST
  delete_old();
#endif
  if :: goto done :: true fi;
  atomic { pick_name(); used[name] = true; segment[name] = packs }; // G6
  if :: goto done :: true fi;
#ifndef M_SAME_RUN
  listings == 0; // G7 belongs to a later run
#endif
  delete_old();
done: skip
}

proctype Client() {
  byte i, seen;
  bool found[NAMES];
again:
  listings++;
  i = 0;
  do :: i < NAMES -> found[i] = (segment[i] != 0); i++ :: else -> break od;
#ifdef LIST_TWICE
  i = 0;
  do
  :: i < NAMES -> if :: found[i] != (segment[i] != 0) -> listings--; goto again :: else fi; i++
  :: else -> break
  od;
#endif
  i = 0;
  seen = 0;
  do
  :: i < NAMES ->
    if
    :: found[i] ->
      // One that has gone meanwhile: list again.
      atomic { if :: segment[i] == 0 -> listings--; goto again :: else -> seen = seen | segment[i] fi }
    :: else
    fi;
    i++
  :: else -> break
  od;
  listings--;
  assert(seen == ALL)
}

init {
  atomic {
    segment[1] = 1;
    segment[3] = 2;
    segment[5] = 4;
    used[1] = true;
    used[3] = true;
    used[5] = true;
    run Collector();
    run Collector();
    run Client()
  }
  _nr_pr == 1;
  assert((segment[0] | segment[1] | segment[2] | segment[3] | segment[4] | segment[5]) == ALL)
}
