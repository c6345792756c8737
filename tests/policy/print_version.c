/* print_version.c: prints the version of the library and that of the headers, for version.py. */
#include <reelgrad.h>
#include <stdio.h>

int main(void)
{
    printf("%s %d.%d.%d\n", reelgrad_version(), RG_VERSION_MAJOR, RG_VERSION_MINOR,
           RG_VERSION_PATCH);
    return 0;
}
