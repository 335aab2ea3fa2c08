/* explain_trade.c: explain --max-ram: the results that are computed again, the memory saved and the time it costs; and the error if that
 * is not enough. */
#include "command/explain_trade.h"

#include "command/explanation.h"

const char *memory_limit_name(const MemoryLimit *limit) {
    return limit->bytes ? format("; max-ram %ld,%d", limit->bytes, limit->threads) : "";
}

void explain_trade(Text *out, const TargetCode *code) {
    const Trade *trade = code->trade;
    if (!trade) return;
    if (!out->length)
        text_add(out, "computed again in the backward pass, to train within %s bytes on %s (--max-ram)\n",
                 grouped((double)trade->limit.bytes), plural(trade->limit.threads, "thread"));
    if (trade->count == 0) {
        text_add(out, "  %-8s nothing: %s are enough\n", code->target->name, grouped((double)trade->before));
        return;
    }
    double flops = 0;
    for (int i = 0; i < trade->count; i++) flops += trade->again[i].flops;
    text_add(out, "  %-8s %s instead of %s, for %sFLOP more, %.1f%% of a step\n", code->target->name, grouped((double)trade->after),
             grouped((double)trade->before), scaled(flops), 100 * flops / trade->step_flops);
    for (int i = 0; i < trade->count; i++) {
        const Again *again = &trade->again[i];
        text_add(out, "    %-40s %15s bytes not kept %10sFLOP%s\n", again->name, grouped((double)again->bytes), scaled(again->flops),
                 again->times > 1 ? format("  %d times", again->times) : "");
    }
}

bool report_trade(FILE *errors, const char *name, const TargetCode *code) {
    const Trade *trade = code->trade;
    if (!trade || trade->possible) return true;
    const long scratch = trade->limit.threads * code->scratch_bytes;
    fprintf(errors,
            "zoetrope: --max-ram: %s cannot train within %s bytes on %s. The least is %s: %s and %s of scratch. Allow that much with "
            "--max-ram %ld,%d, or make batch or T of the spec smaller\n",
            format("%s on %s", name, code->target->name), grouped((double)trade->limit.bytes), plural(trade->limit.threads, "thread"),
            grouped((double)trade->after), grouped((double)(trade->after - scratch)), grouped((double)scratch), trade->after,
            trade->limit.threads);
    return false;
}
