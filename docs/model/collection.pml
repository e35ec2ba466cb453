// SPDX-License-Identifier: Apache-2.0
// The protocol of writers and collectors (docs/architecture.md) over a tree of two chunks: a
// directory node, and the file chunk that only the node names. README.md tells what is left out.
// Steps have their names from the protocol. Each -DM_... breaks one rule.

#ifndef WRITERS
#define WRITERS 1
#endif
#ifndef COLLECTORS
#define COLLECTORS 1
#endif
#ifndef RUNS
#define RUNS 1 // of each collector
#endif
#ifndef CHECKS
#define CHECKS 0
#endif
#ifndef PACKS
#define PACKS 4 // for each chunk, at most four
#endif
#define LOGS (COLLECTORS * RUNS) // one or two

// Packs are bits: the lower four hold the node, the upper four the file chunk. The first of each kind
// is there from the start; a name is used once.
#define NODE 15
#define DATA 240
#define HAS_NODE(packs) (((packs) & NODE) != 0)
#define HAS_DATA(packs) (((packs) & DATA) != 0)
byte listed = 17; // by the index
byte next_node = 2;
short next_data = 32;
byte log[LOGS]; // condemned packs; never taken back

// A session is its writer, and its snapshot has its name.
bool registered[WRITERS], snapshot[WRITERS], fence[WRITERS], ok[WRITERS], forgotten[WRITERS];
bool told[WRITERS]; // the writer has found no fence, and will report success

// Older snapshots: one of the same tree, one that needs the file chunk through another node.
bool old_tree = true;
#ifndef NO_OLD_FILE
bool old_file = true;
#else
#define old_file false
#endif

// A listing sees one object after the other, in any order. To a collector that is one step: its own
// logs stay as they are, and there is one other at most.
#if LOGS == 1
#define ALL_LOGS log[0]
#else
#define ALL_LOGS (log[0] | log[1])
#endif
inline list_logs(into) {
#if LOGS == 1
  into = log[0]
#else
  if
  :: into = log[0]; into = into | log[1]
  :: into = log[1]; into = into | log[0]
  fi
#endif
}

// A pack, then the segment that lists it: before that nobody knows of it. Who finds no free name is
// one that crashed.
inline store_node() {
  atomic { next_node < (1 << PACKS) -> listed = listed | next_node; next_node = next_node << 1 }
}
inline store_data() {
  atomic { next_data < (16 << PACKS) -> listed = listed | next_data; next_data = next_data << 1 }
}

// Which chunks lie in packs that may be relied on, while the session is open.
inline learn() {
  list_logs(condemned);
  atomic {
    has_node = HAS_NODE(listed & ~condemned);
    has_data = HAS_DATA(listed & ~condemned);
    condemned = 0
  }
}

// The same for those who vouch for a snapshot: what the index lists and no log condemns afterwards
// was there all at once.
inline look_closely() {
#ifdef M_LOGS_FIRST
  list_logs(condemned);
  seen = listed;
#else
  seen = listed;
  list_logs(condemned);
#endif
  atomic {
    has_node = HAS_NODE(seen & ~condemned);
    has_data = HAS_DATA(seen & ~condemned);
    seen = 0;
    condemned = 0
  }
}

proctype Writer(byte s) {
  byte condemned, seen;
  bool has_node, has_data;
#ifdef M_REGISTERS_LATE
  learn();
  registered[s] = true;
#else
  registered[s] = true; // W1
  learn(); // W2
#endif
  if :: !has_data -> store_data() :: else fi; // W3
  if :: !has_node -> store_node() :: else fi;
  snapshot[s] = true; // W4
#ifdef M_NO_LOOK
  told[s] = true;
#else
  if
  :: fence[s] ->
again:
    look_closely();
    if :: !has_data -> store_data() :: else fi;
    if :: !has_node -> store_node() :: else fi;
#ifndef M_NO_LOOP
    if :: !has_node || !has_data -> goto again :: else fi;
#endif
    ok[s] = true
  :: atomic { !fence[s] -> told[s] = true }
  fi;
#endif
  atomic { has_node = false; has_data = false }
}

inline list_snapshots() {
  roots = snapshot[0] && !forgotten[0];
#if WRITERS > 1
  roots = roots | ((snapshot[1] && !forgotten[1]) << 1);
#endif
  atomic { root_tree = old_tree; root_file = old_file } // these only go, so the later the worse
}

// A session may be taken for dead at any time. That a log waits for a later run, which waits for the
// same sessions, is nothing but time.
inline wait_for(session) {
  if
  :: (waits & (1 << session)) == 0
  :: (waits & (1 << session)) != 0 && (snapshot[session] || fence[session])
  :: (waits & (1 << session)) != 0 && !snapshot[session] && !fence[session] ->
#ifdef M_NO_FENCE
    skip
#else
    fence[session] = true
#endif
  fi
}

#ifdef M_SURVIVORS_IN_LOGS
#define SURVIVORS (listed & ~drop)
#else
#define SURVIVORS (listed & ~condemned)
#endif
#define LIVE_NODE (root_tree || roots != 0)
// What a node names is not known if it is not there.
#define LIVE_DATA (root_tree || root_file || (roots != 0 && HAS_NODE(listed)))

proctype Collector(byte number) {
  byte turn, chosen, condemned, drop, waits, roots;
  bool root_tree, root_file, lost_node, lost_data;
  short pack;
  do
  :: turn < RUNS ->
#ifdef M_NO_REMARK
    list_snapshots();
#endif
    // G1. Any packs: those that nobody needs, and others to be stored again.
    atomic {
      pack = 1;
      do
      :: pack <= 128 ->
        if
        :: (listed & pack) != 0 -> chosen = chosen | pack
        :: true
        fi;
        pack = pack << 1
      :: else -> break
      od;
      pack = 0;
      chosen != 0
    }
    log[number * RUNS + turn] = chosen; // G2
#if COLLECTORS == 1
    atomic { drop = chosen; chosen = 0 }
#else
    // Other logs may have to wait longer.
    atomic {
      if :: drop = chosen :: drop = ALL_LOGS fi;
      chosen = 0
    }
#endif
#ifndef M_NO_WAIT
    waits = registered[0]; // G3
#if WRITERS > 1
    waits = waits | (registered[1] << 1);
#endif
    wait_for(0); // G4
#if WRITERS > 1
    wait_for(1);
#endif
    waits = 0;
#endif
mark: // G5
#ifndef M_NO_REMARK
    list_snapshots();
#endif
    condemned = ALL_LOGS;
    atomic {
      lost_node = LIVE_NODE && HAS_NODE(listed & drop) && !HAS_NODE(SURVIVORS);
      lost_data = LIVE_DATA && HAS_DATA(listed & drop) && !HAS_DATA(SURVIVORS);
      condemned = 0;
#ifndef M_NO_REMARK
      roots = 0;
      root_tree = false;
      root_file = false
#endif
    }
#ifndef M_NO_RESCUE
    if
    :: lost_node || lost_data ->
      if :: lost_data -> store_data() :: else fi;
      if :: lost_node -> store_node() :: else fi;
      goto mark
    :: else
    fi;
#endif
    // G6, and G7 with it: who knows packs from the index alone cannot tell them apart.
    atomic { listed = listed & ~drop; drop = 0; turn++ }
  :: else -> break
  od
}

// Marks a snapshot as whole whose writer was fenced and has not come back.
proctype Check(byte s) {
  byte condemned, seen;
  bool has_node, has_data;
  snapshot[s] && fence[s] && HAS_NODE(listed) && HAS_DATA(listed);
#ifdef M_OK_ON_CONDEMNED
  atomic { has_node = HAS_NODE(listed); has_data = HAS_DATA(listed) }
#else
  look_closely();
#endif
  atomic {
    if :: has_node && has_data -> ok[s] = true :: else fi;
    has_node = false;
    has_data = false
  }
}

proctype Forget() {
  do
  :: old_tree -> old_tree = false
#ifndef NO_OLD_FILE
  :: old_file -> old_file = false
#endif
#if WRITERS > 1
  :: atomic { snapshot[0] && !forgotten[0] -> forgotten[0] = true }
#endif
  od
}

// A snapshot that its writer has reported, or that looks sound to everybody, is whole.
#define PROMISED(s) (snapshot[s] && !forgotten[s] && (told[s] || !fence[s] || ok[s]))
#if WRITERS > 1
#define ANY_PROMISED (PROMISED(0) || PROMISED(1))
#else
#define ANY_PROMISED PROMISED(0)
#endif
#define LOST                                                                  \
  (((old_tree || ANY_PROMISED) && !(HAS_NODE(listed) && HAS_DATA(listed))) || \
   (old_file && !HAS_DATA(listed)))

active proctype Monitor() {
end:
  do
  :: atomic { LOST -> assert(false) }
  od
}

init {
  atomic {
    run Writer(0);
#if WRITERS > 1
    run Writer(1);
#endif
    run Collector(0);
#if COLLECTORS > 1
    run Collector(1);
#endif
#if CHECKS > 0
    run Check(0);
#endif
    run Forget()
  }
}
