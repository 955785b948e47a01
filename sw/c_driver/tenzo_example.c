/* Evaluates a network on an engine behind a serial port: what a program of your own does.

   cc -std=c99 tenzo_example.c tenzo_driver.c -o tenzo_example
   ./tenzo_example PORT [SIGN SEED EPSILON] < samples.txt

   Reads samples as raw integers, TENZO_NETWORK_INPUT_COUNT each, and prints the raw results of one
   sample a line. SIGN 1 adds, 2 subtracts EPSILON times the Rademacher direction of SEED to all
   parameters. The baud rate is what the port has been set to: stty -F PORT 1000000. */
#define _POSIX_C_SOURCE 200809L

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/select.h>
#include <termios.h>
#include <unistd.h>

#include "tenzo_driver.h"
#include "tenzo_network.h"

#define LANES TENZO_ENGINE_LANE_COUNT
#define INPUTS TENZO_NETWORK_INPUT_COUNT
#define OUTPUTS TENZO_NETWORK_OUTPUT_COUNT

enum { TIMEOUT_MICROSECONDS = 300000 }; /* longer than the longest query runs */

static int read_port(void *context, uint8_t *byte) {
    int port = *(int *)context;
    struct timeval timeout = {0, TIMEOUT_MICROSECONDS};
    fd_set ports;
    FD_ZERO(&ports);
    FD_SET(port, &ports);
    return select(port + 1, &ports, NULL, NULL, &timeout) == 1 && read(port, byte, 1) == 1;
}

static int write_port(void *context, const uint8_t *bytes, size_t count) {
    while (count) {
        ssize_t written = write(*(int *)context, bytes, count);
        if (written < 0) return 1;
        bytes += written;
        count -= (size_t)written;
    }
    return 0;
}

static int open_port(const char *name) {
    struct termios settings;
    int port = open(name, O_RDWR | O_NOCTTY);
    if (port < 0 || tcgetattr(port, &settings)) return -1;
    settings.c_iflag = settings.c_oflag = settings.c_lflag = 0; /* bytes as they are */
    settings.c_cflag = (settings.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8 | CREAD | CLOCAL;
    return tcsetattr(port, TCSANOW, &settings) ? -1 : port;
}

static void check(int outcome, const char *what) {
    if (outcome == TENZO_OK) return;
    fprintf(stderr, "%s: error %d, see tenzo_driver.h\n", what, outcome);
    exit(1);
}

static void refuse(const char *what) {
    fprintf(stderr, "standard input: %s\n", what);
    exit(1);
}

/* Read a value in the format of samples; return 0 at the end of the input. */
static int next_value(int32_t *value) {
    const int64_t limit = (int64_t)1 << (TENZO_ENGINE_ACTIVATION_WIDTH - 1);
    int64_t number = 0;
    const int found = scanf("%" SCNd64, &number);
    if (found == EOF) return 0;
    if (found != 1) refuse("there is something that is no integer");
    if (number < -limit || number >= limit) refuse("a value is out of range");
    *value = (int32_t)number;
    return 1;
}

/* Read samples, at most one for each lane; return how many. */
static uint32_t load_wave(tenzo_engine *engine) {
    static int32_t samples[LANES][INPUTS];
    uint32_t count = 0, input = 0;
    while (count < LANES && next_value(&samples[count][input])) {
        input = (input + 1) % INPUTS;
        count += input == 0;
    }
    if (input) refuse("the last sample is not complete");
    for (uint32_t lane = 0; lane < count; lane++)
        check(tenzo_write_samples(engine, lane, TENZO_NETWORK_SAMPLE_BASE, samples[lane], INPUTS,
                                  lane + 1 == count),
              "samples");
    return count;
}

static void load_network(tenzo_engine *engine) {
    const uint32_t words = TENZO_NETWORK_STAGE_COUNT * TENZO_DESCRIPTOR_WORDS;
    check(tenzo_identify(engine), "identify");
    check(tenzo_configure(engine, TENZO_NETWORK_WEIGHT_COUNT, TENZO_NETWORK_BIAS_COUNT,
                          TENZO_NETWORK_STAGE_COUNT),
          "configure");
    check(tenzo_write_program(engine, tenzo_network_program, words), "program");
    check(tenzo_write_parameters(engine, tenzo_network_parameters, TENZO_NETWORK_WEIGHT_COUNT,
                                 TENZO_NETWORK_BIAS_COUNT),
          "parameters");
}

int main(int count, char **arguments) {
    static tenzo_engine engine;
    static int32_t results[LANES][OUTPUTS];
    tenzo_query query = {.bits = 1, .seed = 1, .stop = TENZO_NETWORK_STAGE_COUNT};
    int port = count == 2 || count == 5 ? open_port(arguments[1]) : -1;
    if (port < 0) {
        fprintf(stderr, "usage: tenzo_example PORT [SIGN SEED EPSILON] < samples\n");
        return 2;
    }
    query.last = TENZO_NETWORK_WEIGHT_COUNT + TENZO_NETWORK_BIAS_COUNT;
    query.sample_base = TENZO_NETWORK_SAMPLE_BASE;
    if (count == 5) {
        query.sign = (uint32_t)strtoul(arguments[2], NULL, 0);
        query.seed = (uint32_t)strtoul(arguments[3], NULL, 0);
        query.epsilon_raw = (uint32_t)strtoul(arguments[4], NULL, 0);
    }
    tenzo_begin(&engine, read_port, write_port, &port);
    load_network(&engine);
    while ((query.active_lanes = load_wave(&engine)) > 0) {
        check(tenzo_ask(&engine, &query), "query");
        check(tenzo_read_results(&engine, results[0], query.active_lanes, OUTPUTS), "results");
        for (uint32_t lane = 0; lane < query.active_lanes; lane++)
            for (uint32_t output = 0; output < OUTPUTS; output++)
                printf("%" PRId32 "%c", results[lane][output], output + 1 < OUTPUTS ? ' ' : '\n');
    }
    fprintf(stderr, "%lu packets were sent again\n", engine.repeats);
    return 0;
}
