// SPDX-License-Identifier: Apache-2.0
#include "src/cli/manual.h"

#include <algorithm>

#include "src/cli/command_info.h"
#include "src/cli/context.h"

namespace lagan::cli {
namespace {

constexpr const char* kDaily = "Back up and restore";
constexpr const char* kLook = "Look into snapshots";
constexpr const char* kTidy = "Keep it small and sound";
constexpr const char* kSchedule = "By itself, again and again";
constexpr const char* kKeys = "Repositories and keys";
constexpr const char* kOther = "Other";

const FlagGroup kProgramFlags[] = {
    {"Repository", {"repo", "repository-file", "use-profile", "config", "option"}},
    {"Password", {"password-file", "password-command", "insecure-no-password", "key-hint"}},
    {"Output", {"json", "quiet", "verbose", "progress"}},
    {"Connection",
     {"cacert", "tls-client-cert", "insecure-tls", "http-user-agent", "limit-upload",
      "limit-download", "retry-time", "stuck-request-timeout"}},
    {"Cache", {"cache-dir", "cache-size", "cleanup-cache", "no-cache"}},
    {"How it is stored", {"compression", "pack-size", "no-extra-verify"}},
    {"For scripts written for restic", {"no-lock", "retry-lock"}},
};

std::vector<ManualPage> daily_pages() {
  return {
      {"",
       "",
       {{"lagan -r /mnt/disk/backup init", "make a repository in a folder"},
        {"lagan -r /mnt/disk/backup backup ~/documents", "save a folder"},
        {"lagan -r /mnt/disk/backup snapshots", "see what has been saved"},
        {"lagan -r /mnt/disk/backup restore latest --target /tmp/restored", "bring it back"}},
       {std::begin(kProgramFlags), std::end(kProgramFlags)},
       "Everything is encrypted before it leaves the program, with a password that nobody can "
       "replace: who loses all passwords and recovery codes loses the backups.\n\n"
       "Say LAGAN_REPOSITORY=/mnt/disk/backup once instead of -r each time. Global flags may also "
       "stand after the command."},
      {"init",
       kKeys,
       {{"lagan -r /mnt/disk/backup init",
         "make a repository in a folder; asks for a new password"},
        {"lagan -r /mnt/disk/backup init --recovery",
         "print a code as well that opens it when the password is lost"}},
       {{"The first key", {"recovery", "label", "kdf-memory", "kdf-passes"}},
        {"Like another repository", {"copy-chunker-params"}}},
       ""},
      {"backup",
       kDaily,
       {{"lagan backup ~/documents /etc", "save two folders; only what is new takes room"},
        {"lagan backup ~ --exclude '*.o' --exclude-caches", "leave out what can be made again"},
        {"lagan backup ~ --dry-run -vv", "see file by file what would be saved"},
        {"lagan backup --stdin-from-command --stdin-filename db.sql -- pg_dump shop",
         "save what a command prints"}},
       {{"What to leave out",
         {"exclude", "iexclude", "exclude-file", "iexclude-file", "exclude-if-present",
          "exclude-caches", "exclude-larger-than", "exclude-nodump", "git-ignore",
          "one-file-system", "explain"}},
        {"From where",
         {"files-from", "files-from-verbatim", "files-from-raw", "as-path", "use-fs-snapshot"}},
        {"How it is read", {"force", "ignore-ctime", "ignore-inode", "reread", "read-special"}},
        {"The snapshot", {"tag", "host", "time", "description", "skip-if-unchanged"}},
        {"Instead of files", {"stdin", "stdin-from-command", "stdin-filename"}}},
       "Patterns are those of .gitignore: they match at any depth, or from the root when they "
       "begin with '/'. '*', '?' and "
       "'[a-z]' stay within one component, '**' spans several; '!pattern' takes back. What cannot "
       "be read is told, the rest is saved, and the exit code is 3."},
      {"snapshots",
       kDaily,
       {{"lagan snapshots", "list all"},
        {"lagan snapshots --host attic --latest 3", "the newest three of one host"}},
       {},
       ""},
      {"restore",
       kDaily,
       {{"lagan restore latest --target /tmp/restored", "everything of the newest snapshot"},
        {"lagan restore latest:/home/anna/documents --target ~/documents",
         "one folder, put back where it was"},
        {"lagan restore 5d8f21ac -t /tmp/restored --include '*.jpg'",
         "only pictures, of a snapshot named by the beginning of its id"},
        {"lagan restore latest -t /tmp/restored --dry-run", "only say how much it would be"}},
       {{"What to restore",
         {"include", "iinclude", "include-file", "iinclude-file", "exclude", "iexclude",
          "exclude-file", "iexclude-file", "include-xattr", "exclude-xattr"}},
        {"What is there already", {"overwrite", "delete"}}},
       "'ID:PATH' restores what lies at or below PATH directly into the target. What is in the way "
       "is replaced, entry by entry; nothing else is deleted without --delete."},
  };
}

std::vector<ManualPage> look_pages() {
  return {
      {"ls",
       kLook,
       {{"lagan ls latest", "every file of the newest snapshot"},
        {"lagan ls -l --sort size --reverse latest:/home", "the largest first"},
        {"lagan ls latest /etc", "only what lies directly in one folder"},
        {"lagan ls latest --ncdu | ncdu -f -", "browse what takes room"}},
       {},
       ""},
      {"find",
       kLook,
       {{"lagan find 'invoice*.pdf'", "in every snapshot, newest first"},
        {"lagan find -l --newest '2026-01-31' --larger-than 1G '*'",
         "large files left alone since"},
        {"lagan find -i -s latest '*.JPG'", "in one snapshot, upper and lower case alike"},
        {"lagan find --pack 3f2a91c0", "what would be lost with a damaged pack"}},
       {{"What to find", {"ignore-case", "oldest", "newest", "larger-than", "smaller-than"}},
        {"By id", {"blob", "tree", "pack", "show-pack-id"}},
        {"Which snapshots", {"snapshot"}}},
       ""},
      {"versions",
       kLook,
       {{"lagan versions ~/documents/thesis.tex", "each version of a file that was ever saved"},
        {"lagan restore 5d8f21ac:/home/anna/documents/thesis.tex -t /tmp/old",
         "bring one of them back, by the id of a snapshot that has it"}},
       {},
       "One line for each stretch of snapshots in which the file was the same; a version that came "
       "back has its number again. Stretches without the file are shown as deleted. Snapshots that "
       "do not cover PATH say nothing about it and are passed over. PATH may be a folder."},
      {"diff",
       kLook,
       {{"lagan diff latest~1 latest", "what the last backup brought"},
        {"lagan diff latest ~/documents", "what has changed on the disk since"},
        {"lagan diff 5d8f21ac:/etc /mnt/other/etc", "a folder of a snapshot and any other one"},
        {"lagan diff --content latest /srv/photos", "read all files, to find silent damage"}},
       {},
       "Before each path: + added, - removed, T another type, M other content, U other attributes "
       "(with --metadata), ? other content though all attributes say it is the same (a disk that "
       "forgets?).\n\n"
       "What to compare with is a path if it is '.', '..' or has a '/' before any ':'. Files on "
       "the "
       "disk with the size and time that the snapshot knows count as unchanged, unless --content "
       "has them read."},
      {"dump",
       kLook,
       {{"lagan dump latest /etc/fstab", "print a file"},
        {"lagan dump latest /home/anna -a zip -t anna.zip", "a folder as an archive"},
        {"lagan dump latest /dev/vg/data -t /dev/vg/data",
         "write back a volume that was saved with --read-special"}},
       {},
       ""},
      {"mount",
       kLook,
       {{"lagan mount ~/backups", "every snapshot as a folder, until Ctrl-C"},
        {"lagan mount --daemon ~/backups latest:/home/anna",
         "one folder of one snapshot, in the background"},
        {"lagan mount ~/backups --host attic --oldest 2026-01-01", "only some of them"},
        {"lagan umount ~/backups", "and away again"}},
       {{"What shows where", {"path-template", "time-template", "gmt-names", "own-xattrs"}},
        {"Who may read", {"allow-other", "no-default-permissions", "owner-root"}},
        {"Which snapshots", {"oldest", "newest"}}},
       "At the top: 'latest', and folders 'ids', 'snapshots', 'hosts', 'tags', 'by-time', "
       "'time-machine' and 'versions'. All of "
       "it is read only. What cannot be read is an error of its file, and a line in "
       "'.lagan/errors'. New snapshots show within "
       "seconds."},
      {"umount",
       kLook,
       {{"lagan umount ~/backups", "take a mount away"},
        {"lagan umount --lazy ~/backups", "also while somebody is in it"}},
       {},
       ""},
      {"serve",
       kLook,
       {{"lagan serve http", "browse all snapshots at http://127.0.0.1:8080/, until Ctrl-C"},
        {"lagan serve webdav --listen 127.0.0.1:8081",
         "the same, and as a network drive for Windows, macOS and rclone"},
        {"lagan serve webdav --listen 0.0.0.0:443 --user anna --user-password-file pw "
         "--tls-cert a.pem --tls-key b.pem",
         "for other machines"},
        {"lagan serve http latest:/home/anna", "one folder of one snapshot, and nothing else"}},
       {{"Where", {"listen"}},
        {"Who may come in",
         {"user", "user-password-file", "user-password-command", "tls-cert", "tls-key",
          "insecure-listen"}},
        {"Which snapshots", {"oldest", "newest"}}},
       "What shows is what 'mount' shows. Pages list all snapshots by time, their folders, every "
       "version of a file, and give files and whole folders, these as zip. All of it is read only. "
       "What cannot be read breaks off, so that nobody takes a part for the whole, and is told at "
       "'/.lagan/errors'."},
      {"stats",
       kLook,
       {{"lagan stats latest", "how much a restore would bring"},
        {"lagan stats --mode raw-data", "how much is stored, and what compression saves"}},
       {},
       ""},
  };
}

std::vector<ManualPage> tidy_pages() {
  return {
      {"forget",
       kTidy,
       {{"lagan forget --keep-daily 7 --keep-weekly 5 --keep-monthly 12 --dry-run",
         "see what a policy would forget"},
        {"lagan forget --keep-daily 7 --keep-weekly 5 --keep-monthly 12 --prune",
         "forget, and take what nothing needs any more out of the repository"},
        {"lagan forget 5d8f21ac", "forget one snapshot; 'lagan undelete' brings it back"}},
       {{"What to keep",
         {"keep-last", "keep-hourly", "keep-daily", "keep-weekly", "keep-monthly", "keep-yearly",
          "keep-within", "keep-within-hourly", "keep-within-daily", "keep-within-weekly",
          "keep-within-monthly", "keep-within-yearly", "keep-tag", "keep-time-machine",
          "max-size"}},
        {"What prune may do",
         {"prune", "max-unused", "max-repack-size", "fence-after", "undelete-window"}}},
       "A policy is applied to each group of snapshots with the same host and paths. What any flag "
       "keeps is kept. Forgotten snapshots can be brought back for seven days."},
      {"undelete",
       kTidy,
       {{"lagan undelete", "list what can be brought back"},
        {"lagan undelete 5d8f21ac", "bring one snapshot back"}},
       {},
       ""},
      {"prune",
       kTidy,
       {{"lagan prune", "take out what no snapshot needs; backups may run meanwhile"},
        {"lagan prune --max-unused 0 --dry-run", "see how small it could become"}},
       {},
       "A prune finishes what the one before prepared: what it finds unneeded is deleted by the "
       "next, for somebody may be using it just now."},
      {"check",
       kTidy,
       {{"lagan check", "is everything there, and does it fit together?"},
        {"lagan check --read-data-subset 5%", "and read some of it"},
        {"lagan check --read-data", "and read all of it"}},
       {},
       ""},
      {"repair",
       kTidy,
       {{"lagan repair index", "after 'check' says that the index is damaged"}},
       {},
       ""},
      {"repair index",
       "",
       {{"lagan repair index --dry-run", "only say what would be done"}},
       {},
       ""},
      {"repair packs",
       "",
       {{"lagan repair packs", "what the last 'check --read-data' here found damaged"},
        {"lagan repair packs --read-data --dry-run",
         "look at all packs, and only say what is lost"}},
       {},
       "What can still be read is stored again and the damaged packs are unlisted; a backup then "
       "stores the rest again while the source has it."},
      {"repair snapshots",
       "",
       {{"lagan repair snapshots --dry-run", "name the snapshots that lack something"},
        {"lagan repair snapshots --forget", "put snapshots in their place that do without"}},
       {},
       ""},
      {"repair boot", "", {{"lagan repair boot", "put lagan.repo again, byte for byte"}}, {}, ""},
      {"recover",
       kTidy,
       {{"lagan recover --dry-run", "list the snapshots that were lost and can be brought back"},
        {"lagan recover", "bring them back"}},
       {},
       ""},
      {"tag",
       kTidy,
       {{"lagan tag latest --add important", "add a tag to the newest snapshot"},
        {"lagan tag --tag old --remove old", "take a tag from all that have it"}},
       {},
       ""},
      {"rewrite",
       kTidy,
       {{"lagan rewrite --exclude '*.iso' --dry-run -v", "see what would go, of all snapshots"},
        {"lagan rewrite --exclude /home/anna/secret.txt --forget",
         "take a file out of all snapshots; the old ones can be brought back for seven days"},
        {"lagan rewrite 5d8f21ac --exclude node_modules",
         "put a smaller snapshot beside a single one"}},
       {{"What to leave out",
         {"exclude", "iexclude", "exclude-file", "iexclude-file", "include", "iinclude",
          "include-file", "iinclude-file"}},
        {"The new snapshots", {"forget", "new-host", "new-time"}}},
       "Patterns are those of backup, but they match at every path, also what was named to backup. "
       "Snapshots of which nothing goes stay as they are.\n\n"
       "What was left out is gone from the repository only after the old snapshots are forgotten, "
       "their undelete window is over, and prune has run twice."},
      {"copy",
       kTidy,
       {{"lagan -r /mnt/disk/backup copy --from-repo /srv/backup",
         "copy every snapshot that is not there yet; asks for both passwords"},
        {"lagan -r /mnt/disk/backup copy --from-repo /srv/backup --host attic latest",
         "the newest one of a host"},
        {"lagan -r /mnt/disk/backup init --from-repo /srv/backup --copy-chunker-params",
         "before the first copy: a repository that shares what both have saved"}},
       {},
       "What is there already is neither copied nor stored again, so a run that was interrupted "
       "goes on where it was. A snapshot of which something cannot be read is named and left out, "
       "and the exit code is 3."},
      {"replicate",
       kTidy,
       {{"lagan -r /srv/backup replicate sftp://attic/srv/backup",
         "copy every object that is not there yet; asks for no password"},
        {"lagan -r /srv/backup replicate --delete sftp://attic/srv/backup",
         "and delete there what prune has deleted here"}},
       {},
       "The mirror is the same repository, with the same passwords. At every moment, also after a "
       "run that was killed, it is whole; the next run goes on where it was. Write to one of the "
       "two only: whatever a backup stores in the mirror, --delete deletes. Damaged objects are "
       "named and left out, and the exit code is 3."},
  };
}

std::vector<ManualPage> schedule_pages() {
  return {
      {"run",
       kSchedule,
       {{"lagan run", "what is due, of every profile with a schedule"},
        {"lagan run home --force", "back up one now"},
        {"lagan --quiet run", "as cron wants it: say only what goes wrong"}},
       {},
       "A step is due when a moment of its schedule has come since it was begun last; so it may be "
       "started as often as you like, and makes up for what was missed. What is not due costs "
       "nothing: no repository is asked. A step that fails is tried again, then left to the next "
       "run; other repositories and profiles are not kept from theirs.\n\n"
       "One run of a profile at a time: another one ends with code 11."},
      {"status",
       kSchedule,
       {{"lagan status", "how the last runs went, what is due next"},
        {"lagan status home --json", "for a program that watches"}},
       {},
       "Exit code 1 means that a profile failed last, or that its newest snapshot is older than "
       "twice its schedule. No repository is opened."},
      {"schedule",
       kSchedule,
       {{"lagan schedule install", "start lagan run by timers of systemd, or cron, from now on"},
        {"lagan schedule list", "what is started when"}},
       {},
       "For root these are timers of the system, for others their own. A profile is started at its "
       "times and every full hour, for what failed or was missed."},
      {"schedule install",
       kSchedule,
       {{"lagan schedule install home", "one profile"},
        {"lagan schedule install --crontab --print", "see the lines of a crontab"},
        {"lagan schedule install --time-machine home",
         "every hour; of old ones each day, then each week"}},
       {},
       ""},
      {"schedule remove",
       kSchedule,
       {{"lagan schedule remove home", "it is started no more, the profile stays"}},
       {},
       ""},
      {"schedule list", kSchedule, {{"lagan schedule list", "with the next three times"}}, {}, ""},
      {"schedule status",
       kSchedule,
       {{"lagan schedule status", "exit code 1 if a profile with a schedule is not started"}},
       {},
       ""},
      {"config",
       kSchedule,
       {{"lagan config check", "name every mistake"},
        {"lagan -P home snapshots", "use what a profile says in any command"}},
       {},
       "Profiles are tables [profiles.NAME] in TOML, in /etc/lagan/*.toml and "
       "~/.config/lagan/*.toml; "
       "those of the user replace those of the system.\n\n"
       "[profiles.home]\nrepository = \"/mnt/disk/backup\"\npassword-file = "
       "\"${HOME}/.lagan-password\"\nsources = [\"${HOME}\"]\nexclude-caches = true\n"
       "schedule = \"hourly\"\nretention.keep-daily = 30\n\n"
       "Keys are the long flags of backup and the global ones; those of forget are in retention, "
       "those of "
       "prune and check in tables of their names. docs/profiles.md lists all."},
      {"config show",
       kSchedule,
       {{"lagan config show home", "what counts for one profile, and where it stands"}},
       {},
       ""},
      {"config check",
       kSchedule,
       {{"lagan --config new.toml config check", "look through a file before it is put in place"}},
       {},
       "No repository is opened."},
  };
}

std::vector<ManualPage> key_pages() {
  return {
      {"key", kKeys, {{"lagan key list", "what opens the repository"}}, {}, ""},
      {"key list", "", {{"lagan key list", "the key in use has a star"}}, {}, ""},
      {"key add",
       "",
       {{"lagan key add --label office", "a second password; asks for it"},
        {"lagan key add --recovery", "a code to be printed and locked away"}},
       {},
       ""},
      {"key passwd", "", {{"lagan key passwd", "replace the password that was given"}}, {}, ""},
      {"key remove", "", {{"lagan key remove 5d8f21ac", "a password that leaked"}}, {}, ""},
      {"key export",
       "",
       {{"lagan key export > key.txt", "should the repository lose its keys"}},
       {},
       ""},
      {"key import", "", {{"lagan key import key.txt", "put it back"}}, {}, ""},
      {"unlock", kKeys, {{"lagan unlock", "says why there is nothing to unlock"}}, {}, ""},
      {"cache",
       kKeys,
       {{"lagan cache", "what this machine keeps of repositories"},
        {"lagan cache --cleanup", "remove what has not been used for long"}},
       {},
       "All of it may be deleted at any time and costs speed only."},
      {"storage",
       kKeys,
       {{"lagan storage test s3://bucket/trial", "try whether a place is fit for a repository"}},
       {},
       ""},
      {"storage test",
       "",
       {{"lagan storage test sftp://nas/srv/backup", "before a repository is made there"},
        {"lagan -r s3+https://ceph.example/bucket/trial storage test --json", "for a script"}},
       {},
       "Puts, reads, lists and removes small objects below a folder of their own, and measures how "
       "fast that is. What is there already is not touched."},
      {"list", kOther, {{"lagan list packs", "the ids of all packs"}}, {}, ""},
      {"cat",
       kOther,
       {{"lagan cat config", "the settings of the repository"},
        {"lagan cat tree latest:/etc", "a folder as it is stored"}},
       {},
       ""},
      {"completions",
       kOther,
       {{"lagan completions bash > /etc/bash_completion.d/lagan", "for every user of bash"},
        {"lagan completions zsh > /usr/local/share/zsh/site-functions/_lagan", "of zsh"},
        {"lagan completions fish > ~/.config/fish/completions/lagan.fish",
         "for yourself, of fish"}},
       {},
       ""},
      {"man",
       kOther,
       {{"lagan man backup | man -l -", "read the page of a command"},
        {"lagan man --output /usr/local/share/man/man1", "install all pages"}},
       {},
       ""},
      {"help", kOther, {{"lagan help backup", "the same as lagan backup --help"}}, {}, ""},
      {"version", kOther, {{"lagan version", "for a report of an error"}}, {}, ""},
  };
}

std::vector<ManualPage> all_pages() {
  std::vector<ManualPage> pages;
  for (auto part : {daily_pages(), look_pages(), tidy_pages(), schedule_pages(), key_pages()})
    std::ranges::move(part, std::back_inserter(pages));
  return pages;
}

}  // namespace

const std::vector<ManualPage>& manual_pages() {
  static const std::vector<ManualPage> kPages = all_pages();
  return kPages;
}

const ManualPage* find_page(const std::string& command) {
  const auto found = std::ranges::find(manual_pages(), command, &ManualPage::command);
  return found != manual_pages().end() ? &*found : nullptr;
}

const std::vector<std::string>& command_sections() {
  static const std::vector<std::string> kSections = {kDaily,    kLook, kTidy,
                                                     kSchedule, kKeys, kOther};
  return kSections;
}

const std::vector<Choices>& choices() {
  static const std::vector<Choices> kChoices = {
      {"", "--compression", {"auto", "off", "fastest", "better", "max"}},
      {"init", "--cipher", {"auto", "aes256-gcm", "chacha20-poly1305"}},
      {"ls", "--sort", {"name", "size", "time", "extension"}},
      {"dump", "--archive", {"tar", "tar.zst", "zip"}},
      {"serve", "protocol", {"http", "webdav"}},
      {"stats", "--mode", {"restore-size", "files-by-contents", "blobs-per-file", "raw-data"}},
      {"completions", "shell", {"bash", "zsh", "fish"}},
      {"list",
       "what",
       {"blobs", "condemned", "config", "fences", "forgotten", "index", "keys", "locks", "packs",
        "sessions", "snapshots"}},
      {"cat", "what", {"blob", "config", "index", "key", "pack", "snapshot", "tree"}},
  };
  return kChoices;
}

const std::vector<ExitCodeText>& exit_code_texts() {
  static const std::vector<ExitCodeText> kTexts = {
      {kOk, "done"},
      {kFailed,
       "failed, or the command line could not be understood; or done in part: restore could not "
       "restore everything, check found errors, a snapshot could not be read"},
      {kPartial,
       "backup made a snapshot, but could not read everything as it should; copy could not read "
       "some snapshots of the source"},
      {kNoRepository, "there is no repository at the location"},
      {11, "run: somebody else is running the profile"},
      {kWrongPassword, "no key opens with this password"},
      {kInterrupted, "stopped by SIGINT or SIGTERM"},
  };
  return kTexts;
}

const std::vector<VariableText>& variable_texts() {
  static const std::vector<VariableText> kTexts = {
      {"LAGAN_REPOSITORY", "where the repository is, without --repo"},
      {"LAGAN_REPOSITORY_FILE", "file with the location"},
      {"LAGAN_PASSWORD_COMMAND", "command that prints the password"},
      {"LAGAN_PASSWORD_FILE", "file with the password"},
      {"LAGAN_PASSWORD", "the password itself; other programs of the same user can see it"},
      {"LAGAN_FROM_REPOSITORY", "where the source of copy is, without --from-repo"},
      {"LAGAN_FROM_REPOSITORY_FILE", "file with the location of the source"},
      {"LAGAN_FROM_PASSWORD_COMMAND", "command that prints the password of the source"},
      {"LAGAN_FROM_PASSWORD_FILE", "file with the password of the source"},
      {"LAGAN_FROM_PASSWORD", "the password of the source itself"},
      {"LAGAN_SERVE_PASSWORD_COMMAND", "command that prints the password of visitors of serve"},
      {"LAGAN_SERVE_PASSWORD_FILE", "file with the password of visitors"},
      {"LAGAN_SERVE_PASSWORD", "the password of visitors itself"},
      {"LAGAN_CACHE_DIR", "folder of the local cache, without --cache-dir"},
      {"LAGAN_STATE_DIR", "folder in which the runs of profiles are remembered"},
      {"LAGAN_HOST", "host name of new snapshots, without --host"},
      {"LAGAN_WEBDAV_USER", "user of a WebDAV server"},
      {"LAGAN_WEBDAV_PASSWORD", "its password"},
      {"LAGAN_FTP_USER", "user of an FTP server"},
      {"LAGAN_FTP_PASSWORD", "its password"},
      {"LAGAN_PROGRESS_FPS",
       "how often progress is shown, a second; if set, also where there is no terminal"},
      {"NO_COLOR", "show no colours, also on a terminal"},
  };
  return kTexts;
}

void apply_manual(CLI::App& app) {
  const std::string name = command_name(app);
  if (const ManualPage* page = find_page(name)) {
    if (!page->section.empty()) app.group(page->section);
    for (const FlagGroup& group : page->groups) {
      for (const std::string& flag : group.flags) {
        if (CLI::Option* option = app.get_option_no_throw("--" + flag)) option->group(group.title);
      }
    }
  }
  for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; }))
    apply_manual(*command);
}

}  // namespace lagan::cli
