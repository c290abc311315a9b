// The settings of a store's stream: what is asked for, how an existing stream differs, and what can be mended.
#pragma once

#include <aether/nats/jetstream_config.hpp>

#include <boost/json/object.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aether::nats::detail {

/// That a stream is one of several, which hold the actors of one sharded store.
struct stream_layout {
  std::string store;       ///< the sharded store's name
  std::size_t streams = 0; ///< how many there are
  std::size_t index = 0;   ///< which one this is, from 0 on
  std::string hash;        ///< that says which actor is where: stream_hash_name
  std::int64_t version = 0; ///< 1, and one more each time streams are added
  std::size_t adding = 0;  ///< of the first stream: streams are being added until there are so many; 0: they are not

  friend bool operator==(stream_layout const&, stream_layout const&) = default;
};

/// For whom a stream was made. It stands in the stream's description, which every server version keeps and compares:
/// `{"aether":1,"namespace":"tenant","stream":"orders","encoding":"percent"}`, of one of several streams with
/// `"layout":{"store":"orders","streams":16,"index":3,"hash":"siphash-2-4-128/jump","version":1}`.
struct stream_record {
  std::string name_space;
  std::string stream_name;
  nats::subject_encoding encoding = nats::subject_encoding::percent;
  std::optional<stream_layout> layout;

  friend bool operator==(stream_record const&, stream_record const&) = default;
};

std::string description_of(stream_record const& record);

enum class record_state {
  none,   ///< no record: the stream of another library, or of nobody
  read,
  broken, ///< ours, but of a later version of this library or damaged
};
record_state parse_description(std::string_view description, stream_record& out);

/// The stream a store asks for.
struct wanted_stream {
  std::string name; ///< the full one
  stream_record record;
  boost::json::object config; ///< as STREAM.CREATE takes it
};

/// `config` with its defaults filled in (see resolved()); `atomic_batches`: the server may have them, see
/// server_facts. Throws aether::error(invalid_id) when a name is not valid.
wanted_stream make_wanted(jetstream_config const& config, std::string_view stream_name, bool atomic_batches,
                          std::optional<stream_layout> const& layout = std::nullopt);

enum class difference_kind {
  unusable, ///< the stream cannot hold a store's events, adopted or not
  differs,  ///< another value than asked for; refused unless adopted
  upgrade,  ///< a feature that the server got after the stream was made; never refused
};

struct difference {
  difference_kind kind = difference_kind::differs;
  std::string setting; ///< the configuration's own name for it
  std::string wanted;  ///< for people
  std::string actual;
  std::optional<boost::json::value> mend; ///< the value an UPDATE can give it without harm to what is stored
};

/// How the stream's configuration, as the server echoes it, differs from the one asked for, unusable ones first.
/// Settings that neither take nor weaken anything (placement, compression, republish, metadata) are not compared.
std::vector<difference> compare(wanted_stream const& wanted, boost::json::object const& actual);

/// Why the stream cannot be opened as it is: every setting, both values and the ways out. None when it can be:
/// nothing is unusable, and nothing differs or `on_existing` is adopt. The code is stream_of_another when the
/// stream was made for another pair, else stream_settings_differ.
std::optional<error> refusal(wanted_stream const& wanted, std::vector<difference> const& differences,
                             existing_stream on_existing);

/// The configuration for STREAM.UPDATE that mends what can be mended and keeps all else; none when nothing can.
std::optional<boost::json::object> mended(boost::json::object const& actual,
                                          std::vector<difference> const& differences);

/// What the configuration leaves open as this stream has it, so that another one is made like it.
jetstream_config taken_after(boost::json::object const& actual, jetstream_config config);

/// What stays weaker or other than asked for; upgrades that did not come are no weakness.
std::vector<weakened_setting> weakened(std::vector<difference> const& differences);

} // namespace aether::nats::detail
