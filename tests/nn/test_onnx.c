/* What test_onnx.py cannot see: errors. */
#define _DEFAULT_SOURCE

#include "files.h"
#include "training.h"

SUITE_WITH_FILES(onnx);

Test(onnx, says_why_a_file_cannot_be_written)
{
    rg_mlp *mlp = make_full(NULL, RG_F32);
    rg_error error;
    CHECK_STATUS(rg_mlp_write_onnx(mlp, in_folder("none/x"), &error), RG_ERROR_IO);
    check_message(&error, RG_ERROR_IO, in_folder("none/x"),
                  ": cannot be written: No such file or directory");
    rg_mlp_destroy(mlp);
}

Test(onnx, begins_with_its_version_and_producer)
{
    static const char start[] = "\x08\x07\x12\x08reelgrad\x42\x04\x0a\0\x10\x0d\x3a";
    size_t size;
    rg_mlp *mlp = make_full(NULL, RG_F64);
    CHECK_STATUS(rg_mlp_write_onnx(mlp, in_folder("x"), NULL), RG_OK);
    const unsigned char *bytes = read_bytes(in_folder("x"), &size);
    cr_assert(size > 500 && memcmp(bytes, start, sizeof start - 1) == 0);
    /* The graph, to the end: a length of two bytes, 7 bits each. */
    const unsigned char *length = bytes + sizeof start - 1;
    cr_assert(length[0] >= 0x80 && length[1] < 0x80);
    cr_assert(size == sizeof start - 1 + 2 + (size_t)(length[0] & 0x7f) + (size_t)length[1] * 128);
    rg_mlp_destroy(mlp);
}

Test(onnx, survives_each_failing_allocation)
{
    FOR_EACH_FAILURE(memory, allocator)
    {
        rg_error error = {.message = "no memory"};
        rg_mlp *mlp = make_full(&allocator, RG_F64);
        rg_status status = mlp ? rg_mlp_write_onnx(mlp, in_folder("x"), &error) : RG_ERROR_MEMORY;
        cr_assert(status == RG_OK || strstr(error.message, "no memory"), "%s", error.message);
        rg_mlp_destroy(mlp);
        CHECK_FAILURE(memory, status);
    }
}
