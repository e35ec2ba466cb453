// SPDX-License-Identifier: Apache-2.0
// Every 64-bit ARM has NEON: no special flags.
#include <arm_neon.h>

#include "chunker/scan_vector.h"

namespace lagan {

namespace {

// 16 positions as 16-bit words, in order.
struct Words {
  uint16x8_t first, second;
};

// One doubling: adds to each word the one `kBack` positions earlier, shifted by as much. `carry` is
// the `second` of the previous step before this doubling.
template <int kBack>
Words doubled(const Words& words, uint16x8_t& carry) {
  const uint16x8_t earlier_first = vextq_u16(carry, words.first, 8 - kBack);
  const uint16x8_t earlier_second = vextq_u16(words.first, words.second, 8 - kBack);
  carry = words.second;
  return {vaddq_u16(words.first, vshlq_n_u16(earlier_first, kBack)),
          vaddq_u16(words.second, vshlq_n_u16(earlier_second, kBack))};
}

// Here the word eight positions earlier is a whole register away, which vextq cannot express.
template <>
Words doubled<8>(const Words& words, uint16x8_t& carry) {
  const uint16x8_t earlier_first = carry;
  carry = words.second;
  return {vaddq_u16(words.first, vshlq_n_u16(earlier_first, 8)),
          vaddq_u16(words.second, vshlq_n_u16(words.first, 8))};
}

class Lanes {
 public:
  static constexpr std::size_t kBytes = 16;

  explicit Lanes(const ScanKey& key)
      : low_(split(key.low)),
        high_(split(key.high)),
        mask_(vdupq_n_u16(key.mask)),
        wanted_(vdupq_n_u16(key.wanted)) {}

  std::uint64_t step(const std::byte* at) {
    const Words hash = doubled<8>(
        doubled<4>(doubled<2>(doubled<1>(look_up(at), carry_1_), carry_2_), carry_4_), carry_8_);
    const uint8x16_t found =
        vcombine_u8(vmovn_u16(is_candidate(hash.first)), vmovn_u16(is_candidate(hash.second)));
    if (vmaxvq_u8(found) == 0) [[likely]]
      return 0;
    const uint8x8_t bit_of_lane = vcreate_u8(0x8040201008040201);
    const std::uint64_t first = vaddv_u8(vand_u8(vget_low_u8(found), bit_of_lane));
    const std::uint64_t second = vaddv_u8(vand_u8(vget_high_u8(found), bit_of_lane));
    return first | second << 8;
  }

 private:
  // The low and the high bytes of a 16-entry table.
  static uint8x16x2_t split(const std::uint16_t* table) {
    const uint8x16_t first = vreinterpretq_u8_u16(vld1q_u16(table));
    const uint8x16_t second = vreinterpretq_u8_u16(vld1q_u16(table + 8));
    return vuzpq_u8(first, second);
  }

  Words look_up(const std::byte* at) const {
    const uint8x16_t bytes = vld1q_u8(reinterpret_cast<const std::uint8_t*>(at));
    const uint8x16_t low = vandq_u8(bytes, vdupq_n_u8(15));
    const uint8x16_t high = vshrq_n_u8(bytes, 4);
    const uint8x16_t byte_0 =
        veorq_u8(vqtbl1q_u8(low_.val[0], low), vqtbl1q_u8(high_.val[0], high));
    const uint8x16_t byte_1 =
        veorq_u8(vqtbl1q_u8(low_.val[1], low), vqtbl1q_u8(high_.val[1], high));
    return {vreinterpretq_u16_u8(vzip1q_u8(byte_0, byte_1)),
            vreinterpretq_u16_u8(vzip2q_u8(byte_0, byte_1))};
  }

  uint16x8_t is_candidate(uint16x8_t hash) const {
    return vceqq_u16(vandq_u16(hash, mask_), wanted_);
  }

  const uint8x16x2_t low_, high_;
  const uint16x8_t mask_, wanted_;
  uint16x8_t carry_1_ = vdupq_n_u16(0);
  uint16x8_t carry_2_ = vdupq_n_u16(0);
  uint16x8_t carry_4_ = vdupq_n_u16(0);
  uint16x8_t carry_8_ = vdupq_n_u16(0);
};

}  // namespace

std::size_t scan_neon(const ScanKey& key, const std::byte* data, std::size_t from, std::size_t to,
                      Judge& judge) {
  return scan_vector<Lanes>(key, data, from, to, judge);
}

}  // namespace lagan
