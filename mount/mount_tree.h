// SPDX-License-Identifier: Apache-2.0
#pragma once

// Snapshots as one read-only file system of numbered nodes: what FUSE asks, and a web server could.
// It knows no FUSE. Below a snapshot nothing ever changes; above, the layout follows the snapshots.
//
// Numbers are stable: the same place has the same one in every mount. Folders are named by where
// they stand. A file is named by its path in the source and all that its entry says, so a file that
// several snapshots have alike is one node, and the kernel keeps its pages once; names that are
// hard links are one node too.
//
// Any thread may call anything. What cannot be read is told to the log and comes back as `io`; a
// number that means nothing is `not_found`, and what a node does not have `invalid_argument`.

#include <sys/stat.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "mount/chunk_cache.h"
#include "mount/content_map.h"
#include "mount/file_readers.h"
#include "mount/hard_link_counts.h"
#include "mount/history.h"
#include "mount/layout.h"
#include "mount/report_folder.h"
#include "mount/shown_nodes.h"
#include "mount/tree_reader.h"
#include "repo/snapshots.h"

namespace lagan {

struct MountTreeOptions {
  LayoutOptions layout;
  bool is_single = false;          // the newest of the snapshots is all there is
  std::string folder;              // its root is this folder of the source
  bool owner_root = false;         // everything belongs to root
  bool own_xattrs = false;         // user.lagan.…; files are then one node for each place
  std::uint32_t uid = 0, gid = 0;  // who owns what is above the snapshots
  std::size_t metadata_cache_bytes = std::size_t{32} << 20;
  std::size_t content_cache_bytes = std::size_t{256} << 20;
  std::size_t prefetch_threads = 0;
  ChunkCache::BlockOf block_of;  // for them
  PrfKey key{};                  // of stable numbers
  std::string repository;        // its id, to be told
  Clock clock = system_now;
};

struct NodeStatus {
  NodeId id = 0;
  struct stat status {};
  bool is_lasting = false;       // it will never change
  bool is_name_lasting = false;  // nor will what its name stands for
};

class MountTree {
 public:
  static constexpr NodeId kRoot = Layout::kRoot;

  MountTree(ChunkSource tree_source, ChunkSource data_source, MountTreeOptions options);

  // What there is from now on, oldest first.
  void set_snapshots(std::vector<StoredSnapshot> snapshots);

  // Nothing if there is none. The caller then holds a reference to the node, as of every node that
  // list() gave it.
  Result<std::optional<NodeStatus>> lookup(NodeId folder, std::string_view name);
  void forget(NodeId id, std::uint64_t references);
  Result<NodeStatus> status(NodeId id);
  NodeId parent(NodeId id);

  // Calls `each` with the names from a position on (0, or one that came with a name), until it
  // returns false: then it has not taken this one. What cannot be read is passed over; whoever has
  // come to the end gets an error for it, instead of nothing.
  using EachName =
      std::function<bool(std::string_view name, const NodeStatus& node, std::uint64_t next)>;
  Result<void> list(NodeId folder, std::uint64_t position, const EachName& each);

  Result<std::string> link_target(NodeId id);
  // Less than asked for only at the end of the file.
  Result<Pieces> read(NodeId id, std::uint64_t offset, std::uint64_t size);
  Result<std::optional<std::uint64_t>> seek(NodeId id, std::uint64_t offset, ContentMap::Kind kind);
  Result<std::vector<std::string>> xattr_names(NodeId id);
  Result<std::optional<std::string>> xattr(NodeId id, const std::string& name);
  // Whether the node, or one of those beside it, may have an access control list.
  bool may_have_acl(NodeId id);
  struct InodeFlags {
    std::uint64_t flags = 0;
    std::uint32_t project = 0;
  };
  Result<InodeFlags> inode_flags(NodeId id);

  // What shows, oldest first.
  std::vector<std::shared_ptr<const StoredSnapshot>> snapshots() const;
  // The one that a folder lies in; null for what is above snapshots, or no folder.
  std::shared_ptr<const StoredSnapshot> snapshot_of(NodeId folder) const;
  // A folder of a snapshot as it was saved; its root has no name and no attributes.
  Result<Entry> folder(NodeId id);

  struct Totals {
    std::uint64_t bytes = 0, entries = 0;
  };
  Totals totals() const;
  // Adds to what `.lagan/errors` tells.
  void note(const std::string& trouble) { reports_.errors().add(trouble); }
  std::string errors() const { return reports_.errors().state().text; }
  std::size_t nodes() const { return nodes_.size(); }  // that are referenced
  // Waits until nothing more is fetched ahead.
  void settle() { chunks_.settle(); }

 private:
  // What set_snapshots() replaces.
  struct View {
    Layout layout;
    std::vector<std::size_t> numbers;  // of the snapshots in the layout
    Nanoseconds time = 0;              // since when it is so
    Totals totals;
    std::unique_ptr<Histories> histories;
  };
  using Shown = std::shared_ptr<const View>;

  Shown view() const;
  std::shared_ptr<const StoredSnapshot> snapshot(std::size_t number) const;
  SnapshotFolder root_of(std::size_t number, NodeId id, NodeId parent) const;
  std::optional<SnapshotFolder> folder_of(NodeId id) const;
  std::optional<std::string> history_path(NodeId id) const;
  Result<EntryPlace> place_of(NodeId id) const;
  Result<Entry> entry_of(NodeId id);
  Result<Entry> entry_at(const EntryPlace& place);
  std::string path_of(NodeId id);

  NodeStatus status_above(NodeId id, mode_t mode, const View& view) const;
  NodeStatus status_of_place(const Layout::Place& place, const View& view) const;
  NodeStatus status_of_report(NodeId file);
  MountState state() const;
  // An error only if the storage is away.
  Result<NodeStatus> status_of_entry(const Entry& entry, NodeId id, std::uint32_t links);
  NodeStatus take_history(const std::string& path, const View& view);

  // How an entry of a folder is called, without a reference.
  struct Named {
    NodeId id = 0;
    std::uint32_t links = 1;
  };
  Result<Named> name(const SnapshotFolder& folder, const Entry& entry, std::string_view encoded);
  void refer(const Named& named, const SnapshotFolder& folder, const Entry& entry,
             const EntryPlace& place);

  Result<std::optional<NodeStatus>> lookup_in_folder(const SnapshotFolder& folder,
                                                     std::string_view name);
  Result<std::optional<NodeStatus>> lookup_in_history(const std::string& path, const View& view,
                                                      std::string_view name);
  Result<NodeStatus> take(const SnapshotFolder& folder, const FoundEntry& found);
  Result<NodeStatus> take_version(const History::Version& version);
  Result<void> list_folder(const SnapshotFolder& folder, std::uint64_t position,
                           const EachName& each);
  Result<void> list_history(const std::string& path, const View& view, std::uint64_t position,
                            const EachName& each);

  Result<std::shared_ptr<FileReader>> reader_of(NodeId id);
  std::vector<std::string> own_xattr_names() const;
  Result<std::optional<std::string>> own_xattr(NodeId id, const std::string& name);
  tl::unexpected<Error> trouble(const std::string& where, const Error& error);

  const MountTreeOptions options_;
  const Numbers numbers_;
  TreeReader reader_;
  ChunkCache chunks_;
  FileReaders readers_;
  HardLinkCounts hard_links_;
  ReportFolder reports_;
  ShownNodes nodes_;

  mutable Mutex mutex_;
  Shown view_ GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<const StoredSnapshot>> snapshots_ GUARDED_BY(mutex_);  // ever seen
  std::unordered_map<SnapshotId, std::size_t> snapshot_numbers_ GUARDED_BY(mutex_);
};

}  // namespace lagan
