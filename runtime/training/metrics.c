/* metrics.c: metrics.jsonl. */
#include "exact.h"

#include "training/metrics.h"

#include "common/file.h"
#include "common/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static void remember(MetricsLog *log, const Metric *metric) {
    if (log->count == log->capacity) {
        log->capacity = log->capacity > 0 ? 2 * log->capacity : 1024;
        log->metric = reallocate(log->metric, log->capacity * sizeof *log->metric);
    }
    Metric *kept = &log->metric[log->count++];
    *kept = *metric;
    if (log->names == NULL) return;
    const size_t size = (size_t)log->names->count * sizeof *kept->losses;
    kept->losses = memcpy(allocate(size), metric->losses, size);
}

static bool read_number(json_t *object, const char *key, double *value) {
    json_t *number = json_object_get(object, key);
    if (!json_is_number(number)) return false;
    *value = json_number_value(number);
    return true;
}

/* NAN: there is none. */
static double read_optional(json_t *object, const char *key) {
    double value;
    return read_number(object, key, &value) ? value : NAN;
}

/* Of a system; metric->losses has room. */
static bool parse_system(json_t *object, const LossNames *names, Metric *metric) {
    for (int i = 0; i < names->count; i++) metric->losses[i] = read_optional(object, names->loss[i].key);
    metric->psnr = read_optional(object, "psnr");
    metric->validation_loss = read_optional(object, "validation_score");
    metric->validation_psnr = read_optional(object, "validation_psnr");
    metric->validated = isfinite(metric->validation_loss) || isfinite(metric->validation_psnr);
    return read_number(object, "seconds", &metric->seconds);
}

static bool parse_line(const char *line, const LossNames *names, Metric *metric) {
    json_t *object = json_loads(line, 0, NULL), *iteration = json_object_get(object, "iteration");
    *metric = (Metric){.iteration = json_integer_value(iteration), .losses = metric->losses};
    if (names != NULL) {
        const bool whole = json_is_integer(iteration) && parse_system(object, names, metric);
        json_decref(object);
        return whole;
    }
    bool good = json_is_integer(iteration) && read_number(object, "loss", &metric->loss) && read_number(object, "psnr", &metric->psnr) &&
                read_number(object, "seconds", &metric->seconds);
    metric->validated = read_number(object, "validation_loss", &metric->validation_loss) &&
                        read_number(object, "validation_psnr", &metric->validation_psnr);
    json_decref(object);
    return good;
}

/* Reads the lines of iterations before `resumed`, and cuts off the rest: later iterations, or a line that a crash left half written. */
static bool read_back(MetricsLog *log, int64_t resumed, Error *error) {
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    off_t end = 0;
    Metric metric = {.losses = log->names != NULL ? allocate((size_t)log->names->count * sizeof(double)) : NULL};
    bool good = true;
    while ((length = getline(&line, &capacity, log->file)) > 0 && line[length - 1] == '\n') {
        int64_t before = log->count > 0 ? log->metric[log->count - 1].iteration : -1;
        good = parse_line(line, log->names, &metric) && metric.iteration > before;
        if (!good || metric.iteration >= resumed) break;
        remember(log, &metric);
        end += length;
    }
    free(line);
    free(metric.losses);
    if (!good) /* a whole line, which a crash would not leave: the file may belong to somebody */
        return fail(error, "%s: line %zu is not a line of a training run; correct the file, or move it away", log->path, log->count + 1);
    if (ftruncate(fileno(log->file), end) != 0 || fseeko(log->file, 0, SEEK_END) != 0)
        return fail(error, "%s: cannot be cut back to the %" PRId64 " %s before: %s", log->path, resumed,
                    plural(resumed, "iteration", "iterations"), strerror(errno));
    if ((int64_t)log->count < resumed)
        print_escaped(stderr, "warning: %s: has lines of only %zu of the %" PRId64 " %s so far; the others are missing, also in loss.svg",
                      log->path, log->count, resumed, plural(resumed, "iteration", "iterations"));
    return true;
}

/* Keeps other runs out. Some file systems have no locks (network, or in user space): then it warns. */
static bool lock(int descriptor, const char *path, Error *error) {
    int result;
    do result = flock(descriptor, LOCK_EX | LOCK_NB);
    while (result != 0 && errno == EINTR);
    if (result == 0) return true;
    if (errno == EWOULDBLOCK) return fail(error, "%s: another training run is writing it; wait for its end, or choose another --out", path);
    print_escaped(stderr, "warning: %s: cannot be locked: %s; a second training run could write into this folder, so do not start one",
                  path, strerror(errno));
    return true;
}

bool metrics_open(MetricsLog *log, const char *path, const LossNames *names, int64_t resumed, Error *error) {
    *log = (MetricsLog){.path = copy_text(path), .names = names};
    int descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    struct stat status;
    bool good = descriptor >= 0 || fail(error, "%s: cannot be written: %s; choose another --out", path, strerror(errno));
    if (good && (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)))
        good = fail(error, "%s: is not a file that can be read back; choose another --out, or remove it", path);
    good = good && lock(descriptor, path, error);
    if (good && (log->file = fdopen(descriptor, "a+")) == NULL) good = fail(error, "%s: cannot be opened: %s", path, strerror(errno));
    if (log->file == NULL && descriptor >= 0) close(descriptor);
    if (good && resumed == 0 && fseeko(log->file, 0, SEEK_END) == 0 && ftello(log->file) > 0)
        good = fail(error, "%s: holds another run; choose another --out, or delete it", path);
    if (good && resumed > 0) good = fseeko(log->file, 0, SEEK_SET) == 0 && read_back(log, resumed, error);
    if (!good) metrics_close(log);
    return good;
}

static void print_network(const MetricsLog *log, const Metric *metric) {
    fprintf(log->file, ", \"loss\": %.9g, \"psnr\": %.6f, \"seconds\": %.6f", metric->loss, metric->psnr, metric->seconds);
    if (metric->validated && isfinite(metric->validation_loss) && isfinite(metric->validation_psnr))
        fprintf(log->file, ", \"validation_loss\": %.9g, \"validation_psnr\": %.6f", metric->validation_loss, metric->validation_psnr);
}

static void print_finite(const MetricsLog *log, const char *key, double value, bool decibels) {
    if (!isfinite(value)) return;
    fprintf(log->file, decibels ? ", \"%s\": %.6f" : ", \"%s\": %.9g", key, value);
}

static void print_system(const MetricsLog *log, const Metric *metric) {
    for (int i = 0; i < log->names->count; i++) print_finite(log, log->names->loss[i].key, metric->losses[i], false);
    print_finite(log, "psnr", metric->psnr, true);
    fprintf(log->file, ", \"seconds\": %.6f", metric->seconds);
    if (!metric->validated) return;
    print_finite(log, "validation_score", metric->validation_loss, false);
    print_finite(log, "validation_psnr", metric->validation_psnr, true);
}

bool metrics_append(MetricsLog *log, const Metric *metric, Error *error) {
    remember(log, metric);
    fprintf(log->file, "{\"iteration\": %" PRId64, metric->iteration);
    if (log->names != NULL) print_system(log, metric);
    else print_network(log, metric);
    fputs("}\n", log->file);
    if (fflush(log->file) != 0 || ferror(log->file))
        return fail(error, "%s: cannot be written: %s; make room there", log->path, strerror(errno));
    return true;
}

void metrics_close(MetricsLog *log) {
    if (log->file != NULL) fclose(log->file);
    free(log->path);
    for (size_t i = 0; log->names != NULL && i < log->count; i++) free(log->metric[i].losses);
    free(log->metric);
    *log = (MetricsLog){0};
}
