/* prefetch.c: prefetches memory while products are computed from the caches. Two things are prefetched: the data that the next iteration
 * of the surrounding loops will stage, and tensors that this iteration reads later without staging. Both are cut into cache lines, and
 * each iteration of the loops inside prefetches its share of the lines. */
#include "schedule/schedule_builder.h"

/* A smaller tensor is still in a cache when it is read. More lines than MOST_LINES at a time would be requested faster than they arrive. */
enum { LINE_BYTES = 64, LEAST_BYTES = 1 << 20, MOST_LINES = 32 };

/* ---- reads ---- */

typedef struct Source { /* a box of a tensor */
    const Buffer *buffer;
    Affine base[MAX_RANK];
    long extent[MAX_RANK];
    bool next; /* read by the next iteration of the loops around; the bases are those of this iteration */
} Source;

typedef struct Finding {
    const Builder *builder;
    const Schedule *asking; /* set for a compute that prefetches: then its stages count and, if `own` is set, its weights; else NULL */
    int variables;          /* with these ranges below the loops around */
    const Variable *const *variable;
    const Range *range;
    bool next; /* these reads are of the next iteration */
    int *count;
    Source *source; /* MAX_SOURCES */
} Finding;

static bool is_staged(const Schedule *schedule, const Buffer *buffer) {
    for (int s = 0; s < schedule->stages; s++)
        if (schedule->stage[s].buffer == buffer) return true;
    return false;
}

static bool is_stored(const Finding *finding, const Buffer *buffer) {
    const Kernel *kernel = finding->builder->kernel;
    for (int i = 0; i < kernel->compute_count; i++)
        for (int s = 0; s < kernel->compute[i].store_count; s++)
            if (kernel->compute[i].store[s].buffer == buffer) return true;
    return false;
}

static bool moves_with(const Source *source, const Variable *loop) {
    for (int d = 0; d < source->buffer->rank; d++)
        if (affine_coefficient(&source->base[d], loop) != 0) return loop->extent > 1;
    return false;
}

/* Does the box move with any of the loops around, or with each that has several iterations (all)? */
static bool moves(const Builder *builder, const Source *source, bool all) {
    bool any = false;
    for (int i = 0; i < builder->loops; i++) {
        const bool moved = moves_with(source, builder->loop[i]);
        if (all && !moved && builder->loop[i]->extent > 1) return false;
        any = any || moved;
    }
    return any;
}

/* How many values the outermost loop that moves the box has: base_of() may give up one of them. */
static long outermost_extent(const Builder *builder, const Source *source) {
    for (int i = 0; i < builder->loops; i++)
        if (moves_with(source, builder->loop[i])) return builder->loop[i]->extent;
    return 1;
}

/* How far the box moves along a dimension from an iteration to the next; 0: it does not. */
static long step_of(const Builder *builder, const Affine *base) {
    long step = 0;
    for (int i = 0; i < builder->loops; i++) {
        const long coefficient = affine_coefficient(base, builder->loop[i]);
        if (builder->loop[i]->extent > 1 && coefficient > 0 && (step == 0 || coefficient < step)) step = coefficient;
    }
    return step;
}

/* The part of the box that is not before the tensor's start in any iteration, nor behind its end in the first; nor in the last, if that is
 * less than what base_of() would give up instead. What lies before the start in the first iteration is read in the others, though: where
 * boxes do not overlap, each begins later and ends as much later, or at the next one's beginning; together they are the same. */
static bool clip(const Builder *builder, Source *source) {
    for (int d = 0; d < source->buffer->rank; d++) {
        long low, high;
        affine_range(&source->base[d], &low, &high);
        if (low < 0) {
            source->base[d] = affine_shift(source->base[d], -low);
            source->extent[d] = maximum(source->extent[d] + low, minimum(source->extent[d] - low, step_of(builder, &source->base[d])));
        }
        high -= minimum(low, 0);
        source->extent[d] = minimum(source->extent[d], source->buffer->shape[d] - maximum(low, 0));
        const long behind = maximum(0, high + source->extent[d] - source->buffer->shape[d]);
        if (behind * outermost_extent(builder, source) <= source->extent[d]) source->extent[d] -= behind;
        if (source->extent[d] < 1) return false;
    }
    return true;
}

/* Joins the source to an existing box of the same tensor. If the two do not move together, the source is dropped. Returns false if there
 * is no such box. */
static bool joins(const Finding *finding, const Source *source) {
    for (int i = 0; i < *finding->count; i++) {
        Source joined = finding->source[i];
        if (joined.buffer != source->buffer || joined.next != source->next) continue;
        for (int d = 0; d < source->buffer->rank; d++)
            if (!widen_range(&joined.base[d], &joined.extent[d], source->base[d], source->extent[d])) return true; /* one box is enough */
        finding->source[i] = joined;
        return true;
    }
    return false;
}

static const Expression *note_load(const Expression *e, void *context) {
    Finding *finding = context;
    if (e->kind != EXPRESSION_LOAD || (e->buffer->space != SPACE_TENSOR && e->buffer->space != SPACE_VIRTUAL)) return e;
    Source source = {.buffer = e->buffer, .next = finding->next};
    for (int d = 0; d < e->buffer->rank; d++)
        index_box(finding->variables, finding->variable, finding->range, &e->index[d], &source.base[d], &source.extent[d]);
    if (e->buffer->space == SPACE_VIRTUAL) {
        Range range[MAX_RANK];
        for (int d = 0; d < e->buffer->rank; d++) range[d] = (Range){source.base[d], source.extent[d]};
        Finding inside = *finding;
        inside.variables = e->buffer->rank;
        inside.variable = e->buffer->index;
        inside.range = range;
        if (finding->asking && is_staged(finding->asking, e->buffer)) inside.asking = NULL, inside.next = true;
        expression_rewrite(e->buffer->value, note_load, &inside);
        return e;
    }
    if (finding->asking && !finding->asking->ahead.own) return e;
    source.next = source.next || finding->asking;
    if (e->buffer->layout.size * type_size(e->buffer->type) < LEAST_BYTES || is_stored(finding, e->buffer)) return e;
    if (!moves(finding->builder, &source, !source.next) || joins(finding, &source)) return e;
    if (*finding->count < MAX_SOURCES) finding->source[(*finding->count)++] = source;
    return e;
}

/* How often a part reaches its prefetches in one iteration of the loops so far. */
static long count_asking(const Part *part) {
    const Schedule *schedule = part->schedule;
    long left[MAX_VARIABLES], count = 1;
    for (int v = 0; v < part->compute->variable_count; v++) left[v] = part->range[v].extent;
    for (int level = schedule->ahead.outer; level < schedule->ahead.inner; level++) {
        long *extent = &left[find_variable(part->compute, schedule->level[level].variable)];
        const long tile = schedule->level[level].tile;
        count *= (*extent + tile - 1) / tile;
        *extent = minimum(*extent, tile);
    }
    return count;
}

static void add_asking(Sources *sources, const Part *part) {
    if (sources->asking == MAX_ASKING) return;
    sources->schedule[sources->asking] = part->schedule;
    sources->first[sources->asking++] = sources->iterations;
    sources->iterations += count_asking(part);
}

/* ---- its lines ---- */

static long count_lines(const Lines *lines) {
    long count = 1;
    for (int d = 0; d < lines->rank; d++) count *= lines->count[d];
    return count;
}

static void sort_dimensions(Lines *lines) {
    for (int i = 1; i < lines->rank; i++)
        for (int d = i; d > 0 && lines->stride[d] < lines->stride[d - 1]; d--) {
            const long count = lines->count[d], stride = lines->stride[d];
            lines->count[d] = lines->count[d - 1];
            lines->stride[d] = lines->stride[d - 1];
            lines->count[d - 1] = count;
            lines->stride[d - 1] = stride;
        }
}

/* Turns elements into lines, and joins two dimensions that are adjacent in memory. */
static void join_dimensions(Lines *lines, long line) {
    int kept = 0;
    for (int d = 0; d < lines->rank; d++) {
        long count = lines->count[d], stride = lines->stride[d];
        if (kept && stride == lines->count[kept - 1] * lines->stride[kept - 1]) {
            lines->count[kept - 1] *= count;
            continue;
        }
        lines->count[kept] = count;
        lines->stride[kept++] = stride;
    }
    lines->rank = kept;
    if (kept && lines->stride[0] < line && line % lines->stride[0] == 0) {
        const long each = line / lines->stride[0];
        lines->count[0] = (lines->count[0] + each - 1) / each;
        lines->stride[0] = line;
    }
}

/* The number of the current iteration of the loops `first` … `end` − 1. */
static Affine iteration_of(const Builder *builder, int first, int end) {
    Affine number = affine_constant(0);
    for (int i = first; i < end; i++)
        number = affine_add(affine_scale(number, builder->loop[i]->extent), affine_variable(builder->loop[i]));
    return number;
}

static long iterations_of(const Builder *builder, int first, int end) {
    long count = 1;
    for (int i = first; i < end; i++) count *= builder->loop[i]->extent;
    return count;
}

static void add_term(Offset *offset, Affine inner, long divisor, long modulus, long stride) {
    offset->term[offset->count++] = (OffsetTerm){inner, divisor, modulus, stride};
}

/* The start of the box in this iteration or the next; after the last iteration, in the first. Boxes that reach past the end of a dimension
 * continue into the data that follows in memory. So that none reaches past the tensor, the last values of the outermost loop that moves
 * the box are treated as its first ones. */
static Offset base_of(const Builder *builder, Affine base, bool next, long last, long size) {
    const int loops = builder->loops;
    Offset offset = {.affine = base, .term = NEW_ARRAY(OffsetTerm, loops)};
    const Affine iteration = affine_shift(iteration_of(builder, 0, loops), 1);
    for (int i = 0; i < loops; i++) {
        const long stride = affine_coefficient(&base, builder->loop[i]);
        if (stride == 0 || builder->loop[i]->extent == 1) continue;
        if (!next && offset.count) break; /* only the outermost loop may need the cut */
        offset.affine = affine_substitute(offset.affine, builder->loop[i], affine_constant(0));
        add_term(&offset, next ? iteration : affine_variable(builder->loop[i]), next ? iterations_of(builder, i + 1, loops) : 1,
                 builder->loop[i]->extent, stride);
    }
    long low, high;
    offset_range(&offset, &low, &high);
    OffsetTerm *outermost = offset.term;
    for (; offset.count && outermost->modulus > 1 && high + last >= size; high -= outermost->stride) outermost->modulus--;
    return offset;
}

/* The distance from the first line to the last. */
static long reach_of(const Lines *lines) {
    long reach = 0;
    for (int d = 0; d < lines->rank; d++) reach += (lines->count[d] - 1) * lines->stride[d];
    return reach;
}

/* The size of the blocks into which the layout splits the dimension; 1 if it does not. */
static long blocks_of(const Layout *layout, int dimension) {
    for (int i = 0; i < layout->count; i++)
        if (layout->term[i].dimension == dimension && layout->term[i].modulus) return layout->term[i].modulus;
    return 1;
}

/* Without its constant. */
static bool is_multiple(const Affine *index, long unit) {
    for (int i = 0; i < index->count; i++)
        if (index->term[i].coefficient % unit) return false;
    return true;
}

/* Returns false if the box is not a box in memory. */
static bool find_lines(const Builder *builder, const Source *source, Lines *lines) {
    const Buffer *buffer = source->buffer;
    const int lane = layout_lane(&buffer->layout);
    Affine index[MAX_RANK];
    const Variable *step[2 * MAX_RANK];
    int steps = 0;
    for (int d = 0; d < buffer->rank; d++) {
        const long unit = blocks_of(&buffer->layout, d);
        index[d] = source->base[d];
        if (!is_multiple(&index[d], unit)) return false;
        const long extent = index[d].constant % unit + source->extent[d], whole = (extent + unit - 1) / unit;
        index[d].constant = index[d].constant / unit * unit;
        step[steps++] = new_variable("step", whole);
        index[d] = affine_add(index[d], affine_scale(affine_variable(step[steps - 1]), unit));
        if (d == lane || unit == 1) continue;
        step[steps++] = new_variable("step", whole > 1 ? unit : extent);
        index[d] = affine_add(index[d], affine_variable(step[steps - 1]));
    }
    const Offset offset = buffer_offset(buffer, index);
    if (offset.count) return false;
    Affine base = offset.affine;
    *lines = (Lines){.buffer = buffer};
    for (int d = 0; d < steps; d++) {
        const long stride = affine_coefficient(&base, step[d]);
        base = affine_substitute(base, step[d], affine_constant(0));
        if (step[d]->extent == 1 || stride == 0) continue;
        if (lines->rank == MAX_RANK) return false;
        lines->count[lines->rank] = step[d]->extent;
        lines->stride[lines->rank++] = stride;
    }
    sort_dimensions(lines);
    join_dimensions(lines, LINE_BYTES / type_size(buffer->type));
    lines->base = base_of(builder, base, source->next, reach_of(lines), buffer->layout.size);
    long low, high;
    offset_range(&lines->base, &low, &high);
    return low >= 0 && high + reach_of(lines) < buffer->layout.size;
}

/* Cuts the lines into boxes of `wanted` lines, `part` of each dimension. With `over`, the last boxes reach past the end of a dimension
 * that does not divide; else boxes are larger. Returns false if there are more boxes than iterations, if a box is too large, or if the
 * boxes reach past the end of the tensor. */
static bool cut_lines(const Sources *ahead, Lines *lines, long wanted, bool over) {
    long shares = 1, share = 1, reach = 0, low, high;
    for (int d = 0; d < lines->rank; d++) {
        long part = minimum(wanted, lines->count[d]);
        while (!over && lines->count[d] % part) part++;
        wanted = (wanted + part - 1) / part;
        lines->part[d] = part;
        lines->parts[d] = (lines->count[d] + part - 1) / part;
        share *= part;
        shares *= lines->parts[d];
        reach += (lines->parts[d] * part - 1) * lines->stride[d];
    }
    offset_range(&lines->base, &low, &high);
    return shares <= ahead->iterations && share <= MOST_LINES && high + reach < lines->buffer->layout.size;
}

/* The smallest boxes for which there are enough iterations. All parts that prefetch some of them use the same boxes. */
static bool find_cut(const Sources *ahead, Lines *lines) {
    for (long wanted = (count_lines(lines) + ahead->iterations - 1) / ahead->iterations; wanted <= MOST_LINES; wanted++)
        if (cut_lines(ahead, lines, wanted, true) || cut_lines(ahead, lines, wanted, false)) return true;
    return false;
}

Sources *find_sources(const Builder *builder, Part **parts, int count) {
    Sources *sources = NEW(Sources);
    *sources = (Sources){.loops = builder->loops};
    Source source[MAX_SOURCES];
    int found = 0;
    for (int i = 0; i < count; i++) {
        const Compute *compute = parts[i]->compute;
        const bool asks = parts[i]->schedule->ahead.inner != 0;
        if (asks) add_asking(sources, parts[i]);
        Finding finding = {.builder = builder,
                           .asking = asks ? parts[i]->schedule : NULL,
                           .variables = compute->variable_count,
                           .variable = (const Variable *const *)compute->variable,
                           .range = parts[i]->range,
                           .next = sources->asking == 0,
                           .count = &found,
                           .source = source};
        for (int s = 0; s < compute->sum_count; s++) expression_rewrite(compute->sum[s], note_load, &finding);
        for (int s = 0; s < compute->store_count; s++) expression_rewrite(compute->store[s].value, note_load, &finding);
    }
    for (int i = 0; i < found; i++) {
        Lines *lines = &sources->lines[sources->count];
        if (clip(builder, &source[i]) && find_lines(builder, &source[i], lines) && find_cut(sources, lines)) sources->count++;
    }
    return sources;
}

/* ---- statements ---- */

/* Each iteration prefetches one box; surplus iterations prefetch none. */
static Statement *build_share(Affine iteration, const Lines *lines) {
    const Variable *loop[MAX_RANK];
    long shares = 1, low, high;
    int loops = 0;
    Offset offset = lines->base;
    offset.term = NEW_ARRAY(OffsetTerm, lines->base.count + MAX_RANK);
    for (int i = 0; i < offset.count; i++) offset.term[i] = lines->base.term[i];
    for (int d = 0; d < lines->rank; d++) {
        const long part = lines->part[d];
        if (part > 1) {
            loop[loops] = new_variable("line", part);
            offset.affine = affine_add(offset.affine, affine_scale(affine_variable(loop[loops++]), lines->stride[d]));
        }
        if (lines->parts[d] > 1) add_term(&offset, iteration, shares, lines->parts[d], part * lines->stride[d]);
        shares *= lines->parts[d];
    }
    affine_range(&iteration, &low, &high);
    if (low >= shares) return NULL;
    Statement *statement = NEW(Statement);
    *statement = (Statement){.kind = STATEMENT_PREFETCH, .buffer = lines->buffer, .offset = offset};
    for (int i = 0; i < loops; i++) statement = new_loop(loop[i], LOOP_UNROLL, statement);
    const Condition is_a_share = {iteration, shares};
    return high < shares ? statement : new_guard(&is_a_share, 1, statement, NULL);
}

Statement *build_prefetches(Builder *builder, const Part *part) {
    Sources *ahead = builder->ahead;
    int asking = 0;
    while (asking < ahead->asking && ahead->schedule[asking] != part->schedule) asking++;
    if (asking == ahead->asking) return NULL;
    const Affine iteration = affine_shift(iteration_of(builder, ahead->loops, builder->loops), ahead->first[asking]);
    ahead->first[asking] += iterations_of(builder, ahead->loops, builder->loops); /* the remainder of a level continues from there */
    Block block;
    block_start(&block);
    for (int i = 0; i < ahead->count; i++) block_add(&block, build_share(iteration, &ahead->lines[i]));
    return block.first;
}
