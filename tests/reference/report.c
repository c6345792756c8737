/* report.c: counts, the first failures in full, and what was skipped. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "reference.h"

bool ref_set(ref_outcome *outcome, ref_verdict verdict, const char *format, ...)
{
    if (outcome->verdict != REF_PASS)
        return false;
    va_list list;
    va_start(list, format);
    vsnprintf(outcome->text, sizeof outcome->text, format, list);
    va_end(list);
    outcome->verdict = verdict;
    return false;
}

static void count_reason(ref_report *report, const char *text)
{
    int i = 0;
    while (i < report->reason_count && strncmp(report->reason[i].text, text, REF_REASON_SIZE - 1))
        i++;
    if (i == REF_MAX_REASONS)
        i--; /* the last one stands for itself and all further ones */
    ref_reason *reason = &report->reason[i];
    if (i == report->reason_count) {
        snprintf(reason->text, sizeof reason->text, "%.*s", REF_REASON_SIZE - 1, text);
        report->reason_count++;
    }
    reason->count++;
}

void ref_count(ref_report *report, const ref_block *block, const ref_outcome *outcome)
{
    if (outcome->verdict == REF_PASS) {
        report->passed++;
    } else if (outcome->verdict == REF_SKIP) {
        report->skipped++;
        count_reason(report, outcome->text);
    } else if (report->failed++ < REF_SHOWN_FAILURES) {
        printf("  line %" PRId64 ", %s%s%s: %s\n", block->line, block->id ? block->id : "",
               block->id && block->op ? " " : "", block->op ? block->op : "", outcome->text);
    }
}

void ref_print_summary(const ref_report *report)
{
    if (report->failed > REF_SHOWN_FAILURES)
        printf("  and %" PRId64 " more\n", report->failed - REF_SHOWN_FAILURES);
    printf("%s: %" PRId64 " passed, %" PRId64 " failed, %" PRId64 " skipped\n", report->file,
           report->passed, report->failed, report->skipped);
    for (int i = 0; i < report->reason_count; i++)
        printf("  skipped %" PRId64 ": %s\n", report->reason[i].count, report->reason[i].text);
}
