/* Driver of a Tenzo engine on a serial line, in C99: no allocation, no operating system.

   Reads tenzo.h, the definition of packets. Every function sends packets one by one and waits for
   the response to each; a packet is sent again when nothing comes in time or what comes is damaged.
   They return TENZO_OK, one of the errors below, or the TENZO_NAK_* code with which the engine
   refused a packet, which is above zero.

   Copy it into your program: it belongs to you, without any licence condition. */
#ifndef TENZO_DRIVER_H
#define TENZO_DRIVER_H

#include <stddef.h>
#include <stdint.h>

#include "tenzo.h"

enum {
    TENZO_OK = 0,
    TENZO_NO_ANSWER = -1,     /* no good response in as many tries as are allowed */
    TENZO_WRITE_FAILED = -2,  /* tenzo_write said so */
    TENZO_NO_ENGINE = -3,     /* what answers is no engine */
    TENZO_OTHER_VERSION = -4, /* the engine speaks another version of the protocol */
    TENZO_OTHER_ENGINE = -5   /* the engine was built from other parameters than tenzo.h */
};

/* Wait for one byte, for as long as a response may take to begin; put it into *byte and return 1,
   or return 0 if none came. */
typedef int (*tenzo_read)(void *context, uint8_t *byte);

/* Write bytes; return 0, or anything else if that is not possible. */
typedef int (*tenzo_write)(void *context, const uint8_t *bytes, size_t count);

/* An engine. Give it to tenzo_begin once, then to every other function; leave the fields alone but
   tries, repeats and payload. */
typedef struct {
    tenzo_read read;
    tenzo_write write;
    void *context;
    unsigned tries;         /* times that one packet is sent at most */
    unsigned long repeats;  /* packets that were sent again */
    uint32_t payload_words; /* of the last response */
    uint32_t *payload;      /* likewise */
    uint32_t sequence;
    uint32_t request[TENZO_MAX_PAYLOAD_WORDS + 2];
    uint32_t response[TENZO_MAX_PAYLOAD_WORDS + 2];
} tenzo_engine;

/* One evaluation, field by field as in a QUERY packet. */
typedef struct {
    uint32_t distribution; /* 0 Rademacher, 1 uniform, 2 binomial, 3 one-hot */
    uint32_t bits;         /* random bits per parameter; 1 for Rademacher and one-hot */
    uint32_t sign;         /* 0 unperturbed, 1 plus, 2 minus */
    uint32_t seed;         /* not 0 */
    uint32_t epsilon_raw;
    uint32_t first, last;  /* perturbed parameters; last is the one after */
    uint32_t entry, stop;  /* stages; stop is the one after the last */
    uint32_t active_lanes; /* lanes that hold samples */
    uint32_t sample_base;  /* lane address of the samples */
} tenzo_query;

/* Set up; nothing is sent. 100 tries. */
void tenzo_begin(tenzo_engine *engine, tenzo_read read, tenzo_write write, void *context);

/* Ask what answers, and compare it with tenzo.h. The first packet to send. */
int tenzo_identify(tenzo_engine *engine);

/* Release queries that an earlier host left, then say how much of each memory a program uses. */
int tenzo_configure(tenzo_engine *engine, uint32_t weights, uint32_t biases, uint32_t stages);

/* Write a whole program: TENZO_DESCRIPTOR_WORDS words a stage. */
int tenzo_write_program(tenzo_engine *engine, const uint32_t *words, uint32_t count);

/* Write all parameters: weights, then biases, raw integers. Of these and of samples the engine keeps
   the low bits of their format, so values outside of it wrap around. */
int tenzo_write_parameters(tenzo_engine *engine, const int32_t *values, uint32_t weights,
                           uint32_t biases);

/* Write the sample of one lane, raw integers; complete is 1 for the last lane, else 0. */
int tenzo_write_samples(tenzo_engine *engine, uint32_t lane, uint32_t base, const int32_t *values,
                        uint32_t count, int complete);

/* Queue one evaluation; up to TENZO_MAX_OUTSTANDING_QUERIES wait for their results to be read. */
int tenzo_ask(tenzo_engine *engine, const tenzo_query *query);

/* Wait for the oldest query, read its results, lanes x outputs, lane by lane, and release it. */
int tenzo_read_results(tenzo_engine *engine, int32_t *results, uint32_t lanes, uint32_t outputs);

/* Read TENZO_COUNTER_WORDS counters. */
int tenzo_read_counters(tenzo_engine *engine, uint32_t *counters);

/* Send any packet, its payload in engine->request + 1; the response's payload is in
   engine->payload until the next packet. */
int tenzo_command(tenzo_engine *engine, uint32_t opcode, uint32_t payload_words);

#endif
