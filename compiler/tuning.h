/* tuning.h: what a tuning file says: for targets, choices for kernels. spec_tuning.c reads it as specs are read; choice.c applies it while
 * a target is lowered, and finds what does not fit; finish_tuning() then reports. */
#ifndef ZOETROPE_TUNING_H
#define ZOETROPE_TUNING_H

#include "program.h"
#include "spec.h"

typedef struct TuningPlace { /* of a word in the file */
    Mark mark;
    int width;
} TuningPlace;

typedef struct TuningValue {
    ChoiceField field;
    long value;
    TuningPlace key, place;
    bool used; /* the kernel's algorithm has this field */
} TuningValue;

struct TuningEntry { /* of one kernel */
    const char *kernel;
    TuningPlace key;
    struct {
        Algorithm number;
        TuningPlace place;
    } algorithm;
    int count;
    TuningValue value[FIELDS];
    bool used;    /* there is a kernel of this name */
    bool refused; /* it cannot be run by this algorithm: its values mean nothing */
};

typedef struct TuningTarget {
    const Target *target;
    int count, capacity;
    TuningEntry *entry;
} TuningTarget;

typedef struct Tuning {
    struct SpecErrors *errors; /* of the file; NULL: it is none, and what does not fit is left out silently */
    int count, capacity;
    TuningTarget *target;
    int refused; /* kernels that could not be run as chosen, and are missing in what lower_model made */
} Tuning;

/* Reads a file for this spec. Errors are reported as a spec's are; then NULL. */
Tuning *read_tuning(const char *path, const Spec *spec, FILE *errors);
/* The same from memory; `path` is only named in errors. */
Tuning *parse_tuning(const char *path, const char *bytes, size_t length, const Spec *spec, FILE *errors);

TuningEntry *tuning_entry(const Tuning *tuning, const Target *target, const char *kernel); /* NULL: nothing is said of it */
void tuning_error(const Tuning *tuning, const TuningPlace *place, const char *remedy, const char *pattern, ...)
    __attribute__((format(printf, 4, 5)));

/* After lower_model: reports what did not fit this target, kernels that do not exist and values that are not of their algorithm included.
 * False: there was something. */
bool finish_tuning(Tuning *tuning, const TargetCode *code, FILE *errors);

/* ---- tuning.c ---- */
/* One that is no file: for one target; then a kernel's entry (which moves when the next one is added), and a value of it. */
Tuning *new_tuning(const Target *target);
TuningEntry *add_entry(TuningTarget *target, const char *kernel);
void set_value(TuningEntry *entry, ChoiceField field, long value);
/* lower_model, finish_tuning, and TargetCode.tuning. NULL: there were errors. */
TargetCode *lower_tuned(const Graph *training, const Graph *evaluation, const Target *target, const Choices *choices, FILE *errors);
/* The kernels that have other choices in the one than in the other, a line each as in a file; "": none. */
const char *tuned_choices(const TargetCode *tuned, const TargetCode *plain);

#endif
