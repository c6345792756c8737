/* export.h: how a function of the public interface is declared. */
#ifndef RG_AUTOGRAD_EXPORT_H
#define RG_AUTOGRAD_EXPORT_H

#ifdef __cplusplus
#define RG_BEGIN_DECLS extern "C" {
#define RG_END_DECLS   }
#else
#define RG_BEGIN_DECLS
#define RG_END_DECLS
#endif

#if defined(__GNUC__)
#define RG_API                __attribute__((visibility("default")))
#define RG_PRINTF(text, args) __attribute__((format(printf, text, args)))
#define RG_LIKELY(condition)  __builtin_expect(!!(condition), 1)
#else
#define RG_API
#define RG_PRINTF(text, args)
#define RG_LIKELY(condition) (condition)
#endif

#endif
