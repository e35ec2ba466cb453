// SPDX-License-Identifier: Apache-2.0
#include "storage/open.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>

#include "tests/storage/helpers.h"
#include "tests/util/temporary_folder.h"

namespace lagan {

TEST_CASE("every spelling of a folder opens that folder") {
  struct Spelling {
    const char* location;
    std::string folder;
  };
  const std::string here = std::filesystem::current_path();
  const Spelling spellings[] = {
      {"/srv/backup", "/srv/backup"},
      {"/srv/backup///", "/srv/backup"},
      {"/", "/"},
      {".", here},
      {"backup", here + "/backup"},
      {".//backup/", here + "/backup"},
      {"../a/b:c", here + "/../a/b:c"},
      {"./with:colon", here + "/with:colon"},
      {"file:///srv/backup", "/srv/backup"},
      {"file:///srv/backup/", "/srv/backup"},
      {"local:/srv/backup", "/srv/backup"},
      {"local:backup", here + "/backup"},
      {"local:odd:name", here + "/odd:name"},
  };
  for (const Spelling& spelling : spellings) {
    INFO(spelling.location);
    const auto storage = open_storage(spelling.location);
    REQUIRE(storage);
    CHECK((*storage)->description() == spelling.folder);
  }
}

TEST_CASE("opening touches nothing, and a missing folder shows at the first call") {
  const TemporaryFolder folder;
  const auto storage = open_storage(folder / "repository").value();
  CHECK_FALSE(std::filesystem::exists(folder / "repository"));
  CHECK(storage->get(name_of("a")).error().code == ErrorCode::no_repository);
}

TEST_CASE("an unknown kind of location is refused with those that are known") {
  for (const char* location : {"s4://bucket", "x:", "x:y", "C:\\backup", "user@host:path", "::"}) {
    INFO(location);
    const auto storage = open_storage(location);
    REQUIRE_FALSE(storage);
    CHECK(storage.error().code == ErrorCode::invalid_argument);
    CHECK(storage.error().message.starts_with("unknown kind of location '"));
    CHECK(storage.error().message.find("mem://name") != std::string::npos);
  }
  CHECK(open_storage("x:y").error().message ==
        "unknown kind of location 'x:'; known are a path, file:///path, local:path, "
        "s3://bucket/prefix, s3+https://host/bucket/prefix, gs://bucket/prefix, "
        "azure://account/container/prefix, sftp://user@host/path, webdav+https://host/path, "
        "davs://host/path, ftp://host/path, ftps+explicit://host/path, rclone:remote:path, "
        "hotcold:?hot=…&cold=… and mem://name");
}

TEST_CASE("a known kind without its place is refused") {
  for (const char* location : {"", "local:", "file:", "file://", "file://host/srv", "file:relative",
                               "file:///a%20b", "mem:", "mem:name", "mem://", "mem:///"}) {
    INFO(location);
    const auto storage = open_storage(location);
    REQUIRE_FALSE(storage);
    CHECK(storage.error().code == ErrorCode::invalid_argument);
  }
}

TEST_CASE("a remote location is shown without its secrets") {
  ::setenv("AZURE_ACCOUNT_KEY", "c2VjcmV0", 1);
  const std::pair<const char*, const char*> shown[] = {
      {"s3://bucket/a/b", "s3+https://s3.amazonaws.com/bucket/a/b/"},
      {"s3://bucket?region=eu-west-1", "s3+https://s3.eu-west-1.amazonaws.com/bucket/"},
      {"s3+http://key:se%2Fcret@127.0.0.1:7480/bucket/x", "s3+http://127.0.0.1:7480/bucket/x/"},
      {"s3:s3.amazonaws.com/bucket/x", "s3+https://s3.amazonaws.com/bucket/x/"},
      {"gs://bucket/a", "s3+https://storage.googleapis.com/bucket/a/"},
      {"gs:bucket:/a", "s3+https://storage.googleapis.com/bucket/a/"},
      {"gs:bucket:/", "s3+https://storage.googleapis.com/bucket/"},
      {"s3:https://minio:9000/bucket", "s3+https://minio:9000/bucket/"},
      {"sftp://me@host:2222/srv/x/", "sftp://me@host:2222/srv/x"},
      {"sftp:me@host:/srv/x", "sftp://me@host/srv/x"},
      {"sftp:host:below/home", "sftp://host/~/below/home"},
      {"azure://account/container/a?endpoint=https://x", "azure://account/container/a/"},
      {"ftp://me:secret@host/up/x/", "ftp://host/up/x"},
      {"ftps+explicit://host:2121//srv/x", "ftps+explicit://host:2121//srv/x"},
      {"rclone:Remote:a/b/", "rclone:Remote:a/b"},
      {"rclone://Remote/a/b", "rclone:Remote:a/b"},
      {"rclone::sftp,host=h,pass=secret:a/b", "rclone::sftp,…:a/b"},
      {"webdav+https://me:secret@host/dav/x/", "webdav+https://host/dav/x"},
      {"davs://host:8443/dav", "webdav+https://host:8443/dav"},
  };
  for (const auto& each : shown) {
    INFO(each.first);
    const auto storage = open_storage(each.first);
    REQUIRE(storage);
    CHECK((*storage)->description() == each.second);
  }
}

TEST_CASE("no message about a location that is wrong has its password") {
  for (const char* location :
       {"s3+https://key:12secret34@host:99999/bucket", "s3+https://key:secret/secret@host/bucket",
        "s3+https://key:secret?secret@host/bucket", "s3+https://key:secret#secret@host/bucket",
        "s3+https://key:%zzsecret@host/bucket", "s3+https://key:secret@host/bucket?secrt=1",
        "webdav+https://me:secret/secret@host/x", "sftp://me:secret@host/x",
        "s3x://key:secret@host/x", "webdav+https://me:secret@host/"}) {
    INFO(location);
    const auto storage = open_storage(location);
    REQUIRE_FALSE(storage);
    CHECK(storage.error().code == ErrorCode::invalid_argument);
    CHECK(storage.error().message.find("secret") == std::string::npos);
  }
}

TEST_CASE("an option belongs to a kind of location, and its kind knows it") {
  const auto open = [](std::string_view location, const char* name) {
    return open_storage(location, {.connection = {}, .extended = {{name, "x"}}});
  };
  CHECK(open("sftp://host/x", "sftp.args"));
  CHECK(open("/srv", "sftp.args"));
  CHECK(open("s3://bucket", "s3.region"));
  for (const char* name : {"sftp.arg", "ftps.args", "sftp", ""}) {
    INFO(name);
    const auto storage = open("sftp://host/x", name);
    REQUIRE_FALSE(storage);
    CHECK(storage.error().code == ErrorCode::invalid_argument);
  }
}

TEST_CASE("others can listen where there is no TLS, but not within this machine") {
  for (const char* location :
       {"s3+http://host/b", "s3:http://host/b", "webdav+http://me@host/x", "dav://10.0.0.1/x",
        "s3+http://127.0.0.1@host/b", "hotcold:?hot=/srv&cold=dav%3A//host/x"})
    CHECK(is_open_to_listeners(location));
  for (const char* location :
       {"/srv", "hotcold:?hot=/srv&cold=davs://host/x", "s3://b", "s3+https://host/b",
        "sftp://host/x", "s3+http://localhost:7480/b", "s3+http://127.0.0.1/b",
        "webdav+http://[::1]:80/x", "davs://host/x"})
    CHECK_FALSE(is_open_to_listeners(location));
}

TEST_CASE("what other programs call a place is answered with what to write here") {
  for (const auto& [location, advice] :
       {std::pair{"b2:bucket:x", "backblazeb2.com"}, std::pair{"swift:x:/y", "s3api"},
        std::pair{"rest:https://host/x", "WebDAV"}, std::pair{"https://host/x", "webdav+https"}}) {
    INFO(location);
    const auto storage = open_storage(location);
    REQUIRE_FALSE(storage);
    CHECK(storage.error().message.find(advice) != std::string::npos);
    CHECK(storage.error().message.find("mem://name") == std::string::npos);
  }
}

TEST_CASE("options stand behind a location, where its kind has them") {
  for (const char* location :
       {"sftp://host/x?command=other%20-s&args=-v",
        "rclone://remote/x?program=/bin/rclone&config=/c", "s3://bucket/x?sse=aws:kms"}) {
    INFO(location);
    const auto storage = open_storage(location);
    REQUIRE_MESSAGE(storage, storage.error().message);
    CHECK((*storage)->description().find('?') == std::string::npos);
  }
  for (const char* location : {"sftp://host/x?comand=y", "rclone://remote/x?programme=y",
                               "rclone://remote/x?program", "s3://bucket/x?sse=foo"}) {
    INFO(location);
    CHECK(open_storage(location).error().code == ErrorCode::invalid_argument);
  }
}

TEST_CASE("the folders of a location are those of this machine in it") {
  using Folders = std::vector<std::string>;
  CHECK(local_folders("/srv/x") == Folders{"/srv/x"});
  CHECK(local_folders("file:///srv/x") == Folders{"/srv/x"});
  CHECK(local_folders("s3://bucket/x").empty());
  CHECK(local_folders("hotcold:?hot=/a%2526b&cold=local:c") == Folders{"/a%26b", "c"});
  CHECK(local_folders("hotcold:?hot=/a&cold=s3://bucket") == Folders{"/a"});
  CHECK(local_folders("hotcold:?hot=/a").empty());
}

TEST_CASE("locations that are one place, or one in the other, are found out") {
  const TemporaryFolder folder;
  const std::string one = folder / "one", two = folder / "two";
  std::filesystem::create_directories(one + "/inside");
  std::filesystem::create_directory_symlink(one, folder / "link");
  const std::string both = "hotcold:?hot=" + two + "&cold=" + one;
  for (const std::string& other :
       {one, one + "//", one + "/inside", one + "/new/below", folder / "link",
        folder / "link/inside/../new", folder.path().string(), "file://" + one, both}) {
    INFO(other);
    CHECK(overlap(one, other));
    CHECK(overlap(other, one));
  }
  for (const std::string& other :
       {two, one + "2", two + "/one", std::string("s3://bucket" + one)}) {
    INFO(other);
    CHECK_FALSE(overlap(one, other));
    CHECK_FALSE(overlap(other, one));
  }
  CHECK_FALSE(open_storage("hotcold:?hot=" + one + "&cold=" + (folder / "link/x")));
}

TEST_CASE("the same memory name is the same store, another name another") {
  const auto first = open_storage("mem://open-test").value();
  REQUIRE(first->create());
  REQUIRE(first->put(name_of("a"), as_bytes("x")));
  CHECK(difference(*open_storage("mem://open-test/").value(), name_of("a"), as_bytes("x")) == "");
  CHECK(names_below(*open_storage("mem://open-test-2").value(), "").value().empty());
  CHECK(first->description() == "mem://open-test");
}

}  // namespace lagan
