/* Driver of a Tenzo engine on a serial line; tenzo_driver.h says how to use it. */
#include "tenzo_driver.h"

#include <string.h>

/* Put a value into its field of a payload. */
#define SET(payload, field, value)                                                                 \
    ((payload)[TENZO_##field##_WORD] |= (uint32_t)(value) << TENZO_##field##_SHIFT)

enum { AGAIN = -100, OTHER = -101 }; /* outcomes of one try: send again, not our response */

static uint32_t crc32(const uint32_t *words, uint32_t count) {
    uint32_t crc = 0xffffffffu;
    for (uint32_t index = 0; index < count; index++) {
        crc ^= words[index];
        for (int bit = 0; bit < 32; bit++) crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1u)));
    }
    return ~crc;
}

static uint8_t byte_of(const uint32_t *words, uint32_t index) {
    return (uint8_t)(words[index / 4] >> index % 4 * 8);
}

/* Send words as a frame: a zero that ends what noise has begun, blocks of COBS, a zero. */
static int send_frame(tenzo_engine *engine, const uint32_t *words, uint32_t word_count) {
    static const uint8_t zero = 0;
    uint32_t count = 4 * word_count, place = 0;
    int more = 1;
    if (engine->write(engine->context, &zero, 1)) return TENZO_WRITE_FAILED;
    while (more) {
        uint8_t block[TENZO_FULL_BLOCK_BYTES + 1];
        uint32_t size = 0;
        while (size < TENZO_FULL_BLOCK_BYTES && place < count && byte_of(words, place))
            block[++size] = byte_of(words, place++);
        block[0] = (uint8_t)(size + 1);
        if (size == TENZO_FULL_BLOCK_BYTES)
            more = place < count; /* this block stands for no zero */
        else
            more = place++ < count; /* the zero behind it, or the end */
        if (engine->write(engine->context, block, size + 1)) return TENZO_WRITE_FAILED;
    }
    return engine->write(engine->context, &zero, 1) ? TENZO_WRITE_FAILED : TENZO_OK;
}

/* Words of a frame that is being received. */
typedef struct {
    uint32_t bytes, left; /* bytes so far, bytes left of this block */
    int zero;             /* a zero follows this block */
} frame;

static void add_byte(tenzo_engine *engine, frame *got, uint8_t byte) {
    uint32_t index = got->bytes / 4, shift = got->bytes % 4 * 8;
    if (index >= TENZO_MAX_PAYLOAD_WORDS + 2) return;
    if (shift == 0) engine->response[index] = 0;
    engine->response[index] |= (uint32_t)byte << shift;
    got->bytes++;
}

/* Take a byte that is not zero. */
static void take_byte(tenzo_engine *engine, frame *got, uint8_t byte) {
    if (got->left) {
        add_byte(engine, got, byte);
        got->left--;
        return;
    }
    if (got->zero) add_byte(engine, got, 0);
    got->left = byte - 1u;
    got->zero = byte <= TENZO_FULL_BLOCK_BYTES;
}

/* Say whether a frame answers the packet in engine->request. */
static int judge(tenzo_engine *engine, uint32_t bytes) {
    const uint32_t *words = engine->response, count = bytes / 4, asked = engine->request[0];
    uint32_t opcode = words[0] & 0xffu;
    if (count < 2 || crc32(words, count - 1) != words[count - 1]) return AGAIN;
    if (words[0] >> 16 != count - 2) return AGAIN;
    engine->payload_words = count - 2;
    if (opcode == TENZO_OPCODE_NAK && count > 2) {
        if (words[1] == TENZO_NAK_CRC || words[1] == TENZO_NAK_LENGTH) return AGAIN;
        return (words[0] ^ asked) & 0xff00u ? OTHER : (int)words[1];
    }
    return (words[0] ^ asked ^ TENZO_RESPONSE_BIT) & 0xffffu ? OTHER : TENZO_OK;
}

/* Receive until the response is there, what comes is damaged, or nothing comes. */
static int listen(tenzo_engine *engine) {
    frame got = {0, 0, 0};
    uint8_t byte;
    /* An engine repeats itself once for each try; noise may go on for ever. */
    for (uint32_t left = 4 * TENZO_MAX_FRAME_BYTES; left; left--) {
        int outcome = OTHER;
        if (engine->read(engine->context, &byte) != 1) return AGAIN;
        if (byte) {
            take_byte(engine, &got, byte);
            continue;
        }
        if (got.bytes >= 4) outcome = judge(engine, got.bytes);
        if (outcome != OTHER) return outcome;
        memset(&got, 0, sizeof got);
    }
    return AGAIN;
}

int tenzo_command(tenzo_engine *engine, uint32_t opcode, uint32_t payload_words) {
    uint32_t *words = engine->request;
    words[0] = opcode | engine->sequence << 8 | payload_words << 16;
    words[payload_words + 1] = crc32(words, payload_words + 1);
    engine->sequence = engine->sequence % 255 + 1; /* 0 is the first number, and no other */
    for (unsigned attempt = 0; attempt < engine->tries; attempt++) {
        int outcome = send_frame(engine, words, payload_words + 2);
        engine->repeats += attempt > 0;
        if (outcome == TENZO_OK) outcome = listen(engine);
        if (outcome != AGAIN) return outcome;
    }
    return TENZO_NO_ANSWER;
}

/* Clear the fixed words of a payload and return where they are. */
static uint32_t *fresh(tenzo_engine *engine, uint32_t words) {
    memset(engine->request + 1, 0, words * sizeof *engine->request);
    return engine->request + 1;
}

/* Pack values behind the fixed words, two a word up to 16 bits; return the words they take. */
static uint32_t pack(uint32_t *data, const int32_t *values, uint32_t count, uint32_t width) {
    for (uint32_t index = 0; index < count; index++) {
        uint32_t value = (uint32_t)values[index];
        if (width > 16)
            data[index] = value;
        else if (index % 2 == 0)
            data[index / 2] = value & 0xffffu;
        else
            data[index / 2] |= value << 16;
    }
    return width > 16 ? count : (count + 1) / 2;
}

static uint32_t block_values(uint32_t fixed_words, uint32_t width) {
    return (TENZO_MAX_PAYLOAD_WORDS - fixed_words) * (width > 16 ? 1 : 2);
}

static uint32_t least(uint32_t first, uint32_t second) {
    return first < second ? first : second;
}

void tenzo_begin(tenzo_engine *engine, tenzo_read read, tenzo_write write, void *context) {
    memset(engine, 0, sizeof *engine);
    engine->read = read;
    engine->write = write;
    engine->context = context;
    engine->tries = 100;
    engine->payload = engine->response + 1;
}

int tenzo_identify(tenzo_engine *engine) {
    static const uint32_t wanted[] = TENZO_ENGINE_IDENTITY;
    const uint32_t *got = engine->payload;
    int outcome = tenzo_command(engine, TENZO_OPCODE_IDENTIFY, 0);
    if (outcome) return outcome;
    if (engine->payload_words < TENZO_IDENTITY_WORDS || got[TENZO_IDENTITY_MAGIC] != TENZO_MAGIC)
        return TENZO_NO_ENGINE;
    if (got[TENZO_IDENTITY_PROTOCOL_VERSION] != TENZO_PROTOCOL_VERSION) return TENZO_OTHER_VERSION;
    return memcmp(got, wanted, sizeof wanted) ? TENZO_OTHER_ENGINE : TENZO_OK;
}

static int read_block(tenzo_engine *engine, uint32_t lane, uint32_t lanes, uint32_t output,
                      uint32_t outputs, int release) {
    uint32_t *payload = fresh(engine, TENZO_READ_RESULTS_WORDS);
    SET(payload, READ_RESULTS_FIRST_LANE, lane);
    SET(payload, READ_RESULTS_LANE_COUNT, lanes);
    SET(payload, READ_RESULTS_FIRST_OUTPUT, output);
    SET(payload, READ_RESULTS_OUTPUT_COUNT, outputs);
    SET(payload, READ_RESULTS_RELEASE, release);
    return tenzo_command(engine, TENZO_OPCODE_READ_RESULTS, TENZO_READ_RESULTS_WORDS);
}

int tenzo_configure(tenzo_engine *engine, uint32_t weights, uint32_t biases, uint32_t stages) {
    uint32_t *payload;
    int outcome = TENZO_OK;
    for (uint32_t count = 0; count < TENZO_MAX_OUTSTANDING_QUERIES && !outcome; count++)
        outcome = read_block(engine, 0, 1, 0, 1, 1);
    if (outcome && outcome != (int)TENZO_NAK_EMPTY) return outcome;
    payload = fresh(engine, TENZO_CONFIGURE_WORDS);
    SET(payload, CONFIGURE_WEIGHT_COUNT, weights);
    SET(payload, CONFIGURE_BIAS_COUNT, biases);
    SET(payload, CONFIGURE_STAGE_COUNT, stages);
    return tenzo_command(engine, TENZO_OPCODE_CONFIGURE, TENZO_CONFIGURE_WORDS);
}

int tenzo_write_program(tenzo_engine *engine, const uint32_t *words, uint32_t count) {
    const uint32_t most = TENZO_MAX_PAYLOAD_WORDS - TENZO_WRITE_PROGRAM_WORDS;
    int outcome = TENZO_OK;
    for (uint32_t first = 0, size; first < count && !outcome; first += size) {
        uint32_t *payload = fresh(engine, TENZO_WRITE_PROGRAM_WORDS);
        size = least(most, count - first);
        SET(payload, WRITE_PROGRAM_ADDRESS, first);
        SET(payload, WRITE_PROGRAM_COMPLETE, first + size == count);
        memcpy(payload + TENZO_WRITE_PROGRAM_WORDS, words + first, size * sizeof *words);
        outcome = tenzo_command(engine, TENZO_OPCODE_WRITE_PROGRAM,
                                TENZO_WRITE_PROGRAM_WORDS + size);
    }
    return outcome;
}

/* Write one bank; an empty one takes a packet too where it completes the parameters. */
static int write_bank(tenzo_engine *engine, const int32_t *values, uint32_t count, int bias,
                      int complete) {
    const uint32_t fixed = TENZO_WRITE_PARAMETERS_WORDS, width = TENZO_ENGINE_WEIGHT_WIDTH;
    uint32_t first = 0;
    int outcome;
    do {
        uint32_t *payload = fresh(engine, fixed);
        uint32_t size = least(block_values(fixed, width), count - first);
        SET(payload, WRITE_PARAMETERS_ADDRESS, first);
        SET(payload, WRITE_PARAMETERS_BIAS, bias);
        SET(payload, WRITE_PARAMETERS_COMPLETE, complete && first + size == count);
        SET(payload, WRITE_PARAMETERS_COUNT, size);
        outcome = tenzo_command(engine, TENZO_OPCODE_WRITE_PARAMETERS,
                                fixed + pack(payload + fixed, values + first, size, width));
        first += size;
    } while (first < count && !outcome);
    return outcome;
}

int tenzo_write_parameters(tenzo_engine *engine, const int32_t *values, uint32_t weights,
                           uint32_t biases) {
    int outcome = write_bank(engine, values, weights, 0, 0);
    return outcome ? outcome : write_bank(engine, values + weights, biases, 1, 1);
}

int tenzo_write_samples(tenzo_engine *engine, uint32_t lane, uint32_t base, const int32_t *values,
                        uint32_t count, int complete) {
    const uint32_t fixed = TENZO_WRITE_SAMPLES_WORDS, width = TENZO_ENGINE_ACTIVATION_WIDTH;
    int outcome = TENZO_OK;
    for (uint32_t first = 0, size; first < count && !outcome; first += size) {
        uint32_t *payload = fresh(engine, fixed);
        size = least(block_values(fixed, width), count - first);
        SET(payload, WRITE_SAMPLES_LANE, lane);
        SET(payload, WRITE_SAMPLES_ADDRESS, base + first);
        SET(payload, WRITE_SAMPLES_COUNT, size);
        SET(payload, WRITE_SAMPLES_COMPLETE, complete && first + size == count);
        outcome = tenzo_command(engine, TENZO_OPCODE_WRITE_SAMPLES,
                                fixed + pack(payload + fixed, values + first, size, width));
    }
    return outcome;
}

int tenzo_ask(tenzo_engine *engine, const tenzo_query *query) {
    uint32_t *payload = fresh(engine, TENZO_QUERY_WORDS);
    SET(payload, QUERY_DISTRIBUTION, query->distribution);
    SET(payload, QUERY_BITS, query->bits);
    SET(payload, QUERY_SIGN, query->sign);
    SET(payload, QUERY_SEED, query->seed);
    SET(payload, QUERY_EPSILON_RAW, query->epsilon_raw);
    SET(payload, QUERY_FIRST, query->first);
    SET(payload, QUERY_LAST, query->last);
    SET(payload, QUERY_ENTRY, query->entry);
    SET(payload, QUERY_STOP, query->stop);
    SET(payload, QUERY_ACTIVE_LANES, query->active_lanes);
    SET(payload, QUERY_SAMPLE_BASE, query->sample_base);
    return tenzo_command(engine, TENZO_OPCODE_QUERY, TENZO_QUERY_WORDS);
}

int tenzo_read_results(tenzo_engine *engine, int32_t *results, uint32_t lanes, uint32_t outputs) {
    const uint32_t columns = least(outputs ? outputs : 1, TENZO_MAX_PAYLOAD_WORDS);
    const uint32_t rows = TENZO_MAX_PAYLOAD_WORDS / columns;
    if (lanes == 0 || outputs == 0) return read_block(engine, 0, 1, 0, 1, 1);
    for (uint32_t lane = 0, high; lane < lanes; lane += high) {
        high = least(rows, lanes - lane);
        for (uint32_t output = 0, wide; output < outputs; output += wide) {
            int outcome, release = lane + high == lanes && output + columns >= outputs;
            wide = least(columns, outputs - output);
            outcome = read_block(engine, lane, high, output, wide, release);
            if (outcome) return outcome;
            memcpy(results, engine->payload, high * wide * sizeof *results);
            results += high * wide;
        }
    }
    return TENZO_OK;
}

int tenzo_read_counters(tenzo_engine *engine, uint32_t *counters) {
    int outcome = tenzo_command(engine, TENZO_OPCODE_READ_COUNTERS, 0);
    if (!outcome) memcpy(counters, engine->payload, TENZO_COUNTER_WORDS * sizeof *counters);
    return outcome;
}
