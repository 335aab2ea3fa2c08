/* tune_build.c: a temporary folder in which programs are compiled and run. However the command ends, the folder is removed: signals only
 * set a flag, and end the running programs. */
#include "tune/tune_build.h"

#include "emit/template.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { MAX_WORDS = 64, MAX_JOBS = 64, LOG_SHOWN = 2000, STATUS_LACKING = 3, COMMON = -1, TRIAL = -2 };

typedef struct Job { /* a compilation */
    pid_t process;
    int number; /* of the program; COMMON: the part that all have */
} Job;

struct Workshop {
    char *folder;
    const char *place;                              /* TMPDIR before; NULL: it was not set */
    char *compiler[MAX_WORDS], *options[MAX_WORDS]; /* CC and CFLAGS, word by word */
    int compiler_words, option_words;
    int jobs, processors;
    Job job[MAX_JOBS];
    const char *version;
    char *blas[MAX_WORDS + 1]; /* the options for OpenBLAS; none: it is not there */
    int blas_words;
};

/* ---- signals ---- */

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
static volatile sig_atomic_t interrupted;
static struct sigaction before[sizeof signals / sizeof *signals];

static void interrupt(int number) {
    interrupted = number;
}

bool was_interrupted(void) {
    return interrupted != 0;
}

static void catch_signals(void) {
    struct sigaction action = {.sa_handler = interrupt}; /* no SA_RESTART: waiting calls shall return */
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        sigaction(signals[i], NULL, &before[i]);
        if (before[i].sa_handler != SIG_IGN) sigaction(signals[i], &action, NULL);
    }
}

static void release_signals(void) {
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &before[i], NULL);
}

/* ---- processes ---- */

static const char *in_folder(const Workshop *workshop, const char *name) {
    return format("%s/%s", workshop->folder, name);
}

/* Starts a process whose outputs go to files; both to `output` if `log` is NULL. The process is 0 if it cannot be started (errno). */
static pid_t start(char *const *words, const char *output, const char *log) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t group; /* a group of its own, so that its children can be ended with it */
    pid_t process;
    posix_spawnattr_init(&group);
    posix_spawnattr_setflags(&group, POSIX_SPAWN_SETPGROUP);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (log) posix_spawn_file_actions_addopen(&actions, 2, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    else posix_spawn_file_actions_adddup2(&actions, 1, 2);
    errno = posix_spawnp(&process, words[0], &actions, &group, words, environ);
    const int problem = errno;
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&group);
    errno = problem;
    return problem ? 0 : process;
}

/* Waits, and returns the exit status, or 256 + the signal. An interrupt ends the process. */
static int wait_for(pid_t process) {
    static const struct timespec moment = {.tv_nsec = 5000000};
    int status, waited = 0, ended;
    while ((ended = waitpid(process, &status, WNOHANG)) == 0) {
        if (interrupted) kill(-process, waited++ < 200 ? SIGTERM : SIGKILL);
        nanosleep(&moment, NULL);
    }
    if (ended < 0) return 255;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

static const char *read_text(const char *path) {
    Text text = {0};
    char part[4096];
    FILE *file = fopen(path, "rb");
    for (size_t read; file && (read = fread(part, 1, sizeof part, file)) > 0;) text_add(&text, "%.*s", (int)read, part);
    if (file) fclose(file);
    return text.bytes ? text.bytes : "";
}

static bool write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");
    const bool written = file && fputs(text, file) >= 0;
    if (file && fclose(file) == 0 && written) return true;
    fprintf(stderr, "zoetrope: cannot write %s: %s\n", printable(path), strerror(errno));
    return false;
}

static const char *log_of(const Workshop *workshop, int number) {
    return in_folder(workshop, format("build%d.log", number));
}

/* The file that a compilation makes. */
static const char *made_by(const Workshop *workshop, int number) {
    return in_folder(workshop, number == COMMON ? "tune.o" : number == TRIAL ? "blas" : format("steps%d", number));
}

/* Returns false after reporting if the compiler failed or made no file. */
static bool end_job(const Workshop *workshop, Job job) {
    const int status = wait_for(job.process);
    if (interrupted) return false;
    if (status == 0 && access(made_by(workshop, job.number), F_OK) == 0) return true;
    if (status == 0) {
        fprintf(stderr, "zoetrope: '%s' is not a C compiler: it succeeded, but did not write the file that -o names; set CC\n",
                printable(workshop->compiler[0]));
        return false;
    }
    const char *log = read_text(log_of(workshop, job.number));
    fprintf(stderr, "zoetrope: the C compiler failed (%s %d):\n%s%s", status < 256 ? "status" : "signal", status % 256,
            printable_lines(log, LOG_SHOWN), strlen(log) > LOG_SHOWN ? "…\n" : "");
    return false;
}

/* ---- the folder ---- */

static int split_words(const char *text, char **words, int most) {
    int count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(format("%s", text), " \t\n", &rest); word && count < most; word = strtok_r(NULL, " \t\n", &rest))
        words[count++] = word;
    return count;
}

/* The command line: cc, its options, and these words. */
static char **compile_words(const Workshop *workshop, const char *const *more) {
    static const char *const fixed[] = {"-std=c11", "-O2", "-fopenmp", "-w"};
    char **words = NEW_ARRAY(char *, 2 * MAX_WORDS + 32);
    int count = 0;
    for (int i = 0; i < workshop->compiler_words; i++) words[count++] = workshop->compiler[i];
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) words[count++] = format("%s", fixed[i]);
    words[count++] = format("-I%s", workshop->folder);
    for (int i = 0; i < workshop->option_words; i++) words[count++] = workshop->options[i];
    for (; *more; more++) words[count++] = format("%s", *more);
    return words;
}

static bool has_compiler(Workshop *workshop) {
    char *words[MAX_WORDS + 2] = {NULL};
    memcpy(words, workshop->compiler, sizeof(char *) * (size_t)workshop->compiler_words);
    words[workshop->compiler_words] = format("--version");
    const char *output = in_folder(workshop, "version");
    const pid_t process = start(words, output, NULL);
    if (process == 0)
        fprintf(stderr, "zoetrope: tune wants a C compiler, and %s cannot be run: %s; set CC\n", printable(words[0]), strerror(errno));
    if (process == 0 || wait_for(process) != 0) return process == 0 ? false : !interrupted;
    const char *text = read_text(output);
    workshop->version = format("%.*s", (int)strcspn(text, "\n"), text);
    return true;
}

/* Starts a compilation with these words. If as many are running as there are processors, waits for the first one. */
static bool start_job(Workshop *workshop, int number, const char *const *more) {
    if (workshop->jobs == workshop->processors) {
        const Job first = workshop->job[0];
        memmove(workshop->job, workshop->job + 1, sizeof(Job) * (size_t)--workshop->jobs);
        if (!end_job(workshop, first)) return false;
    }
    const Job job = {start(compile_words(workshop, more), log_of(workshop, number), NULL), number};
    if (job.process == 0) fprintf(stderr, "zoetrope: cannot run the C compiler: %s\n", strerror(errno));
    else workshop->job[workshop->jobs++] = job;
    return job.process != 0;
}

static bool build_harness(Workshop *workshop) {
    static const char *const files[] = {"model.h", "tune.c"};
    for (size_t i = 0; i < 2; i++)
        if (!write_text(in_folder(workshop, files[i]), template_text(files[i]))) return false;
    const char *const more[] = {"-c", in_folder(workshop, "tune.c"), "-o", made_by(workshop, COMMON), NULL};
    return start_job(workshop, COMMON, more) && finish_builds(workshop);
}

/* Asks pkg-config for the options, and links a program with them. If either fails, there is no OpenBLAS. */
static void find_blas(Workshop *workshop) {
    char *ask[] = {"pkg-config", "--cflags", "--libs", "openblas", NULL};
    const char *output = in_folder(workshop, "options"), *log = in_folder(workshop, "options.log"), *source = in_folder(workshop, "blas.c");
    const pid_t process = start(ask, output, log);
    if (process == 0 || wait_for(process) != 0) return;
    workshop->blas_words = split_words(read_text(output), workshop->blas, MAX_WORDS);
    if (!write_text(source, "#include <cblas.h>\nint main(void) { return openblas_get_corename() == 0; }\n")) return;
    const char *more[MAX_WORDS + 8] = {source, "-o", made_by(workshop, TRIAL)};
    for (int i = 0; i < workshop->blas_words; i++) more[3 + i] = workshop->blas[i];
    const pid_t compiler = start(compile_words(workshop, more), log_of(workshop, TRIAL), NULL);
    if (compiler == 0 || wait_for(compiler) != 0 || access(made_by(workshop, TRIAL), X_OK) != 0) workshop->blas_words = 0;
}

bool has_blas(const Workshop *workshop) {
    return workshop->blas_words > 0;
}

Workshop *open_workshop(void) {
    Workshop *workshop = NEW(Workshop);
    const char *compiler = getenv("CC"), *options = getenv("CFLAGS"), *place = getenv("TMPDIR");
    workshop->place = place ? format("%s", place) : NULL;
    workshop->compiler_words = split_words(compiler && *compiler ? compiler : "cc", workshop->compiler, MAX_WORDS);
    workshop->option_words = split_words(options ? options : "", workshop->options, MAX_WORDS);
    workshop->processors = (int)minimum(MAX_JOBS, maximum(1, sysconf(_SC_NPROCESSORS_ONLN)));
    workshop->version = "";
    workshop->folder = format("%s/zoetrope_tune_XXXXXX", place && *place ? place : "/tmp");
    interrupted = 0;
    catch_signals();
    if (!mkdtemp(workshop->folder)) {
        fprintf(stderr, "zoetrope: cannot make a folder like %s: %s; set TMPDIR\n", printable(workshop->folder), strerror(errno));
        release_signals();
        return NULL;
    }
    setenv("TMPDIR", workshop->folder, 1); /* leftovers of an interrupted compiler are removed with the folder */
    if (has_compiler(workshop) && build_harness(workshop)) {
        find_blas(workshop);
        return workshop;
    }
    close_workshop(workshop);
    return NULL;
}

void close_workshop(Workshop *workshop) {
    for (int i = 0; i < workshop->jobs; i++) {
        kill(-workshop->job[i].process, SIGTERM);
        wait_for(workshop->job[i].process);
    }
    workshop->jobs = 0;
    DIR *folder = opendir(workshop->folder);
    for (struct dirent *entry; folder && (entry = readdir(folder));) unlink(in_folder(workshop, entry->d_name));
    if (folder) closedir(folder);
    rmdir(workshop->folder);
    if (workshop->place) setenv("TMPDIR", workshop->place, 1);
    else unsetenv("TMPDIR");
    release_signals();
}

const char *compiler_version(const Workshop *workshop) {
    return workshop->version;
}

/* ---- programs ---- */

bool start_build(Workshop *workshop, int number, const char *kernels, const char *tables) {
    const char *sources[2] = {in_folder(workshop, format("kernels%d.c", number)), in_folder(workshop, format("tables%d.c", number))};
    if (interrupted || !write_text(sources[0], kernels) || !write_text(sources[1], tables)) return false;
    const char *more[MAX_WORDS + 8] = {sources[0], sources[1], made_by(workshop, COMMON), "-lm", "-o", made_by(workshop, number)};
    const bool calls_blas = strstr(kernels, "#include <cblas.h>") != NULL;
    for (int i = 0; calls_blas && i < workshop->blas_words; i++) more[6 + i] = workshop->blas[i];
    return start_job(workshop, number, more);
}

bool finish_builds(Workshop *workshop) {
    bool good = true;
    for (int i = 0; i < workshop->jobs; i++) good = end_job(workshop, workshop->job[i]) && good;
    workshop->jobs = 0;
    return good && !interrupted;
}

static double *read_numbers(const char **text, int count) {
    double *values = NEW_ARRAY(double, maximum(1, count));
    for (int i = 0; i < count; i++) {
        char *end;
        values[i] = strtod(*text, &end);
        if (end == *text) return NULL;
        *text = end;
    }
    return values;
}

/* How many words the line has. */
static int count_words(const char *text) {
    int count = 0;
    for (; *text && *text != '\n'; text++) count += *text != ' ' && (text[1] == ' ' || text[1] == '\n' || !text[1]);
    return count;
}

RunResult run_build(Workshop *workshop, int number, int program, int kernels, double seconds, Times *times) {
    char *words[] = {(char *)made_by(workshop, number), format("%g", seconds), format("%d", program), NULL};
    const char *output = in_folder(workshop, "times"), *log = in_folder(workshop, "run.log");
    if (interrupted) return RUN_FAILED;
    const pid_t process = start(words, output, log);
    const int status = process ? wait_for(process) : 255;
    if (interrupted) return RUN_FAILED;
    if (status == STATUS_LACKING) return RUN_LACKING;
    const char *text = read_text(output);
    double *threads = status == 0 ? read_numbers(&text, 1) : NULL;
    *times = (Times){.threads = threads ? (int)*threads : 0, .kernels = kernels};
    if (*text == '\n') text++;
    times->steps = count_words(text);
    times->step = read_numbers(&text, times->steps);
    times->kernel = read_numbers(&text, times->steps * kernels);
    if (threads && times->steps > 0 && times->step && times->kernel) return RUN_DONE;
    fprintf(stderr, "zoetrope: the program that measures failed (%s %d): %s", status < 256 ? "status" : "signal", status % 256,
            printable_lines(format("%s\n", read_text(log)), LOG_SHOWN));
    return RUN_FAILED;
}
