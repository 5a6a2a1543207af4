// Replacing secrets in a byte stream. What an occurrence covers is decided by the union of all
// matches, so that overlapping secrets leave no rest; a byte is passed on once no occurrence can
// still begin at or before it.
#include "runner/logs/masker.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <mutex>

#include "base/text.h"
#include "base/units.h"
#include "runner/logs/automaton.h"
#include "runner/logs/secret_forms.h"

namespace slipway::runner {
namespace {

constexpr std::string_view kMask = "***";
constexpr std::size_t kMinValue = 4;
constexpr std::size_t kMaxValue = std::size_t{64} << 10;
constexpr std::size_t kMaxValues = 1'000;
// Sum of all forms: about 20 bytes of memory each, shared by all streams of a run.
constexpr std::size_t kMaxFormBytes = std::size_t{8} << 20;

}  // namespace

struct SecretSet::Matcher {
  std::vector<std::string> forms;
  std::size_t values = 0;
  std::size_t bytes = 0;

  Matcher() = default;
  Matcher(const Matcher& other) : forms(other.forms), values(other.values), bytes(other.bytes) {}
  Matcher& operator=(const Matcher&) = delete;

  bool built() const { return built_; }
  /// Built when the first stream needs it, not once per added secret.
  const Automaton& automaton() {
    std::call_once(once_, [this] {
      std::sort(forms.begin(), forms.end());
      forms.erase(std::unique(forms.begin(), forms.end()), forms.end());
      automaton_ = Automaton(forms);
      built_ = true;
    });
    return automaton_;
  }

 private:
  std::once_flag once_;
  std::atomic<bool> built_ = false;
  Automaton automaton_;
};

Status SecretSet::add(const std::string& name, std::string_view value) {
  if (value.empty()) return {};
  const std::string doing = "add secret " + printable(name) + ": ";
  if (trim(value).size() < kMinValue) {
    return fail(ErrorCode::kInvalid, doing + "its value is shorter than " +
                                         std::to_string(kMinValue) +
                                         " characters; masking it would hide ordinary text");
  }
  if (value.size() > kMaxValue) {
    return fail(ErrorCode::kExhausted,
                doing + "its value is larger than " + format_size(ByteCount{kMaxValue}));
  }
  std::vector<std::string> forms = secret_forms(value);
  std::size_t bytes = matcher_ ? matcher_->bytes : 0;
  for (const std::string& form : forms) bytes += form.size();
  if (bytes > kMaxFormBytes || (matcher_ && matcher_->values == kMaxValues)) {
    return fail(ErrorCode::kExhausted,
                doing + "too many or too large secrets in one run to mask them all");
  }
  // Copies of this set and streams already made keep what they know.
  if (!matcher_) matcher_ = std::make_shared<Matcher>();
  if (matcher_.use_count() > 1 || matcher_->built())
    matcher_ = std::make_shared<Matcher>(*matcher_);
  matcher_->forms.insert(matcher_->forms.end(), std::make_move_iterator(forms.begin()),
                         std::make_move_iterator(forms.end()));
  matcher_->values++;
  matcher_->bytes = bytes;
  return {};
}

bool SecretSet::empty() const { return matcher_ == nullptr; }

std::string SecretSet::mask(std::string_view text) const {
  std::string out;
  MaskingStream stream(*this);
  stream.write(text, out);
  stream.finish(out);
  return out;
}

struct MaskingStream::State {
  struct Interval {
    std::uint64_t begin;
    std::uint64_t end;
  };

  std::shared_ptr<SecretSet::Matcher> keep_alive;
  const Automaton* automaton = nullptr;
  Automaton::State state = Automaton::kRoot;
  std::uint64_t position = 0;       ///< Bytes read.
  std::uint64_t passed = 0;         ///< Bytes decided.
  std::string held;                 ///< Bytes passed..position before the current piece.
  std::vector<Interval> intervals;  ///< Found, not yet wholly passed; ascending and disjoint.
  bool masking = false;             ///< The byte before `passed` was covered.

  void scan(std::string_view piece);
  void note_match(std::uint32_t length);
  void pass(std::string_view bytes, std::string& out);
  void pass_until(std::uint64_t end, std::string_view piece, std::string& out);
};

void MaskingStream::State::scan(std::string_view piece) {
  for (std::size_t i = 0; i < piece.size(); ++i) {
    if (state == Automaton::kRoot) {
      const std::size_t next = automaton->skip(piece, i);
      position += next - i;
      i = next;
    }
    state = automaton->next(state, static_cast<unsigned char>(piece[i]));
    ++position;
    if (const std::uint32_t length = automaton->match(state)) note_match(length);
  }
}

void MaskingStream::State::note_match(std::uint32_t length) {
  std::uint64_t begin = position - length;
  while (!intervals.empty() && intervals.back().end >= begin) {
    begin = std::min(begin, intervals.back().begin);
    intervals.pop_back();
  }
  intervals.push_back({begin, position});
}

/// Passes on the bytes from `passed` on, all of which are decided.
void MaskingStream::State::pass(std::string_view bytes, std::string& out) {
  std::size_t done = 0;
  for (const Interval& interval : intervals) {
    if (done == bytes.size() || interval.begin >= passed + (bytes.size() - done)) break;
    if (interval.end <= passed) continue;
    if (interval.begin > passed) {
      const auto plain = static_cast<std::size_t>(interval.begin - passed);
      out += bytes.substr(done, plain);
      done += plain;
      passed += plain;
      masking = false;
    }
    if (!masking) out += kMask;
    masking = true;
    const auto covered = std::min<std::uint64_t>(interval.end - passed, bytes.size() - done);
    done += static_cast<std::size_t>(covered);
    passed += covered;
  }
  if (done < bytes.size()) {
    out += bytes.substr(done);
    passed += bytes.size() - done;
    masking = false;
  }
}

void MaskingStream::State::pass_until(std::uint64_t end, std::string_view piece, std::string& out) {
  const std::size_t count = static_cast<std::size_t>(end - passed);
  const std::size_t from_held = std::min(count, held.size());
  pass(std::string_view(held).substr(0, from_held), out);
  pass(piece.substr(0, count - from_held), out);
  held.erase(0, from_held);
  held += piece.substr(count - from_held);
  std::erase_if(intervals, [this](const Interval& interval) { return interval.end <= passed; });
}

MaskingStream::MaskingStream(const SecretSet& secrets) : state_(std::make_unique<State>()) {
  if (!secrets.matcher_) return;
  state_->keep_alive = secrets.matcher_;
  state_->automaton = &secrets.matcher_->automaton();
}

MaskingStream::~MaskingStream() = default;

void MaskingStream::write(std::string_view piece, std::string& out) {
  if (state_->automaton == nullptr) {
    out += piece;
    return;
  }
  state_->scan(piece);
  state_->pass_until(state_->position - state_->automaton->depth(state_->state), piece, out);
}

void MaskingStream::finish(std::string& out) {
  if (state_->automaton == nullptr) return;
  state_->pass_until(state_->position, {}, out);
  state_->state = Automaton::kRoot;
  state_->masking = false;
}

}  // namespace slipway::runner
