// What a process logs is read back, also when it was killed in the middle of a call or of a line.
#include "fault/history_file.hpp"

#include <support/temporary_directory.hpp>

#include <boost/test/unit_test.hpp>

#include <fstream>
#include <sstream>

BOOST_AUTO_TEST_SUITE(history_file)

using namespace aether::fault;
using aether::test::temporary_directory;

namespace {

operation save_of(std::string actor_id, std::int64_t version, std::string id) {
  operation o;
  o.actor_id = std::move(actor_id);
  written_event e;
  e.version = version;
  e.id = std::move(id);
  e.digest = digest_of(e.id);
  o.events.push_back(std::move(e));
  return o;
}

std::string text_of(std::filesystem::path const& file) {
  std::ostringstream out;
  out << std::ifstream(file).rdbuf();
  return out.str();
}

} // namespace

BOOST_AUTO_TEST_CASE(what_is_written_is_read) {
  temporary_directory const directory;
  auto const file = directory.path() / "7";
  auto first = save_of("order 1\n%", 3, std::string("\0 é", 4)), second = save_of("", 4, "b");
  first.expected_version = -2;
  first.events.push_back(save_of("", 4, "c").events.front());
  second.contiguous = true;
  operation read;
  read.kind = call_kind::get_events;
  read.actor_id = "order-1";
  {
    history_writer writer(file, 7);
    writer.begin(first);
    writer.begin(second);
    writer.begin(read);
    first.end = call_end::saved;
    first.sequence = 12;
    writer.end(first);
    read.end = call_end::answered;
    read.events = first.events;
    writer.end(read);
  }
  auto const all = read_history(file);
  BOOST_TEST_REQUIRE(all.size() == 3u);
  BOOST_TEST(all[0].process == 7u);
  BOOST_TEST(all[0].number == first.number);
  BOOST_TEST((all[0].kind == call_kind::save));
  BOOST_TEST(all[0].actor_id == first.actor_id);
  BOOST_TEST((all[0].events == first.events));
  BOOST_TEST((all[0].expected_version == first.expected_version));
  BOOST_TEST(!all[0].contiguous);
  BOOST_TEST((all[0].end == call_end::saved));
  BOOST_TEST(all[0].sequence == 12u);
  BOOST_TEST(all[0].invoked == first.invoked);
  BOOST_TEST(all[0].returned == first.returned);
  BOOST_TEST(all[0].returned >= all[0].invoked);
  BOOST_TEST(all[1].actor_id == "");
  BOOST_TEST(all[1].contiguous);
  BOOST_TEST((all[1].end == call_end::open));
  BOOST_TEST(all[1].returned == 0);
  BOOST_TEST((all[2].end == call_end::answered));
  BOOST_TEST((all[2].events == first.events));
}

BOOST_AUTO_TEST_CASE(a_file_cut_anywhere_is_read_up_to_its_last_whole_line) {
  temporary_directory const directory;
  auto const file = directory.path() / "1";
  {
    history_writer writer(file, 1);
    for (int i = 1; i <= 3; ++i) {
      auto o = save_of("order-1", i, std::to_string(i));
      writer.begin(o);
      o.end = call_end::saved;
      writer.end(o);
    }
  }
  auto const text = text_of(file);
  auto const cut = directory.path() / "cut";
  for (std::size_t length = 0; length <= text.size(); ++length) {
    std::ofstream(cut, std::ios::trunc) << text.substr(0, length);
    auto const lines =
        static_cast<std::size_t>(std::count(text.begin(), text.begin() + static_cast<long>(length), '\n'));
    auto const operations = read_history(cut);
    BOOST_TEST(operations.size() == (lines + 1) / 2);
    BOOST_TEST(std::count_if(operations.begin(), operations.end(),
                             [](auto const& o) { return o.end == call_end::saved; }) == static_cast<long>(lines / 2));
  }
}

BOOST_AUTO_TEST_CASE(nonsense_is_told_with_its_line) {
  temporary_directory const directory;
  auto const file = directory.path() / "1";
  for (auto const* line : {"what", "end 1 2 saved 3 4 .", "begin 1 1 save 5 a 0 0", "begin 1 1 dance 5 a 0 0 0 0 .",
                           "begin 1 1 save 5 a%4 0 0 0 0 .", "begin 1 1 save 5 a 0 0 0 2 1 x 3 ."}) {
    std::ofstream(file, std::ios::trunc) << line << "\n";
    BOOST_CHECK_EXCEPTION(read_history(file), std::runtime_error, [&](std::runtime_error const& e) {
      return std::string_view(e.what()).find(file.string() + ":1:") == 0;
    });
  }
  BOOST_CHECK_THROW(read_history(directory.path() / "none"), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(a_digest_tells_data_apart) {
  BOOST_TEST(digest_of("") == 0xcbf29ce484222325u);
  BOOST_TEST(digest_of("a") == 0xaf63dc4c8601ec8cu);
  BOOST_TEST(digest_of("foobar") == 0x85944171f73967e8u);
}

BOOST_AUTO_TEST_SUITE_END()
